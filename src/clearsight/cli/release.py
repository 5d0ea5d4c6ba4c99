"""The commands for what leaves the house: signing, verifying, where files come from, the gate before a release."""

from typing import Annotated

import typer

from clearsight.cli.options import AsJson, RunFolder, show


def sign(
    what: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run folder, or a log of decisions; without it, only make a key."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="FILE", help="The private key to sign with, an unencrypted PEM file.")
    ] = None,
    new_key: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Make an Ed25519 key in this new file, its public half in FILE.pub."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign a run with its report, or a log of decisions, so that every later change is found; without network."""
    from clearsight.files.records import to_json
    from clearsight.printing.signing import signed
    from clearsight.verbs.sign import sign as run_sign

    found = run_sign(what, key=key, new_key=new_key)
    places = None if found.new_key is None else [str(place) for place in found.new_key]
    content = {
        "signature": None if found.signature is None else str(found.signature), "key": found.key, "new_key": places,
        "not_covered": to_json(found.not_covered),
    }  # fmt: skip
    show(content, lambda: signed(found), as_json)


def verify(
    what: Annotated[str, typer.Argument(metavar="RUN", help="A signed run folder, or a log of decisions.")],
    key: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The signer's public key, which must come another way than the run."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a signed run, or a log of decisions: name what was changed, and exit 1 if anything was."""
    from clearsight.files.records import to_json
    from clearsight.printing.signing import verified
    from clearsight.verbs.verify import verify as run_verify

    found = run_verify(what, key=key)
    show(to_json(found), lambda: verified(found), as_json)
    if not found.valid:
        raise typer.Exit(1)


def origin(
    files: Annotated[list[str], typer.Argument(metavar="FILES...", help="PNG, JPEG, GIF or MP4 files.")],
    as_json: AsJson = False,
) -> None:
    """Show what pictures and videos say of themselves: made by a model or not, by which run, from which file."""
    from clearsight.files.records import to_json
    from clearsight.printing.origins import origins
    from clearsight.verbs.origin import origin as run_origin

    found = run_origin(files)
    show(to_json(found), lambda: origins(found), as_json)


def gate(
    run: RunFolder,
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="A TOML file of thresholds, such as gate.toml.")],
    against: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="The earlier, signed run to compare with; default: that of the policy."),
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="FILE", help="The public key of the earlier run's signer.")] = None,
    markdown: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the verdict to this file as Markdown.")
    ] = None,
    junit: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the verdict to this file as JUnit XML.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a run by thresholds on its report: exit 0 for pass, 1 for fail, 3 for insufficient evidence."""
    from clearsight.printing import results
    from clearsight.printing.gating import gated
    from clearsight.verbs.gate import gate as run_gate

    found = run_gate(run, policy, against=against, key=key, markdown=markdown, junit=junit)
    show(results.plain(found), lambda: gated(found), as_json)
    if found.status:
        raise typer.Exit(found.status)


COMMANDS = (sign, verify, origin, gate)
