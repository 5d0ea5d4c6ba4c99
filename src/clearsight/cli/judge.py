"""The commands that judge a trained model: its metrics, its audit, and a comparison of several."""

from typing import Annotated

import typer

from clearsight.cli.options import (
    AnyData,
    AnyPictures,
    AsJson,
    Attributes,
    By,
    Cluster,
    Data,
    Never,
    OwnCluster,
    Quiet,
    Resplit,
    Responsible,
    RunFolder,
    Seed,
    SkipBad,
    Split,
    Target,
    Zone,
    numbers,
    show,
    show_run,
    whole_numbers,
    words,
)


def evaluate(
    run: RunFolder,
    place: Data,
    split: Split = None,
    attributes: Attributes = None,
    target: Target = None,
    cluster: OwnCluster = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a trained model on data: every metric with its confidence interval."""
    from clearsight.printing import results
    from clearsight.verbs import evaluate as verb

    evidence = verb.evaluate(
        run, place, split=split, attributes=attributes, target=target, cluster=cluster, skip_bad=skip_bad, quiet=quiet
    )
    found = verb.metrics(evidence)
    show(results.plain(found), lambda: results.metrics(found, verb.notes(evidence)), as_json)


def audit(
    run: RunFolder,
    place: AnyData = None,
    by: By = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="SHARES",
            help="For a generator with --by, the mix it should make: uniform, or a table of attributes and a share.",
        ),
    ] = None,
    never: Never = None,
    zone: Zone = None,
    attributes: Attributes = None,
    target: Target = None,
    cluster: OwnCluster = None,
    split: Split = None,
    responsible: Responsible = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Audit a trained model again, by other groups, another grid or other data, and write the report anew."""
    from clearsight.run import Run
    from clearsight.verbs.audit import audit as run_audit

    run_audit(
        run, place, by=words(by), reference=reference, never=never or (), zone=zone, attributes=attributes,
        target=target, cluster=cluster, split=split, responsible=responsible, skip_bad=skip_bad, quiet=quiet,
    )  # fmt: skip
    show_run(Run.open(run), as_json)


def stress(
    run: RunFolder,
    place: AnyData = None,
    tests: Annotated[
        str, typer.Option(metavar="NAMES", help="Some of corruptions, strangers, attacks, separated by commas.")
    ] = "corruptions,strangers,attacks",
    corruptions: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Some corruptions, such as fog,jpeg, separated by commas; default: all."),
    ] = None,
    severities: Annotated[
        str, typer.Option(metavar="NUMBERS", help="Severities from 1 to 5, separated by commas.")
    ] = "1,2,3,4,5",
    strangers: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Pictures of another kind: can the model tell that they are unlike?"),
    ] = None,
    pictures: Annotated[
        int, typer.Option(metavar="NUMBER", help="Judge so many pictures of the split, drawn by the seed.")
    ] = 200,
    by: By = None,
    attributes: Attributes = None,
    target: Target = None,
    cluster: OwnCluster = None,
    split: Split = None,
    skip_bad: SkipBad = False,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test what breaks a trained model: damaged pictures, adversarial ones, and pictures unlike the training."""
    from clearsight.printing import stress as printing
    from clearsight.verbs.stress import stress as run_stress

    found = run_stress(
        run, place, tests=words(tests), corruptions=words(corruptions), strangers=strangers,
        severities=whole_numbers(severities, "--severities"), pictures=pictures, by=words(by),
        attributes=attributes, target=target, cluster=cluster, split=split, skip_bad=skip_bad, seed=seed, quiet=quiet,
    )  # fmt: skip
    show(printing.plain(found), lambda: printing.stressed(found), as_json)


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="The reference run, then the others.")],
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A new HTML page: plots, and pictures each run misses."),
    ] = None,
    speed: Annotated[bool, typer.Option(help="Time each run on some of the pictures.")] = True,
    as_json: AsJson = False,
) -> None:
    """Compare runs on the same data: paired differences with confidence intervals, speed, memory and energy."""
    from clearsight.printing import results
    from clearsight.verbs import compare as verb

    found = verb.compare(*runs, out=out, speed=speed)
    show(results.plain(found), lambda: results.comparison(found), as_json)


def augment(
    place: AnyPictures = None,
    class_name: Annotated[str | None, typer.Option("--class", metavar="NAME", help="The rare class.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="A generator to train on the training pictures: vae, gan, flow.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Instead: a conditional generator trained on the same data.")
    ] = None,
    ratios: Annotated[
        str, typer.Option(metavar="NUMBERS", help="Added pictures for each real one of the class, separated by commas.")
    ] = "1,3,9",
    seeds: Annotated[int, typer.Option(metavar="NUMBER", help="Trainings of each method, each with its own seed.")] = 5,
    classifier: Annotated[str, typer.Option(metavar="NAME", help="The classifier, from `clearsight models`.")] = "cnn",
    minutes: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="Minutes of one training of a classifier; default: 0.25."),
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Epochs of one training of a classifier, instead of minutes.")
    ] = None,
    generator_minutes: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Minutes of training the generator; default: 10.")
    ] = None,
    generator_epochs: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Epochs of training the generator, instead of minutes.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A setting of the generator; repeatable."),
    ] = None,
    set_classifier: Annotated[
        list[str] | None,
        typer.Option("--set-classifier", metavar="FIELD=VALUE", help="A setting of the classifier; repeatable."),
    ] = None,
    attributes: Attributes = None,
    target: Target = None,
    cluster: Cluster = "auto",
    resplit: Resplit = False,
    skip_bad: SkipBad = False,
    zone: Zone = None,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="The folder to create; default: augment-CLASS.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Go on with an interrupted experiment, with its own settings.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find out whether generated pictures of a rare class help a classifier, beside what needs no generator."""
    from clearsight import settings
    from clearsight.printing import augmenting
    from clearsight.verbs.augment import augment as run_augment

    found = run_augment(
        place, class_name=class_name, model=model, run=run, ratios=numbers(ratios, "--ratios"), seeds=seeds,
        classifier=classifier, minutes=minutes, epochs=epochs, generator_minutes=generator_minutes,
        generator_epochs=generator_epochs, settings=settings.parse(set_ or []),
        classifier_settings=settings.parse(set_classifier or []), attributes=attributes, target=target,
        cluster=cluster, resplit=resplit, skip_bad=skip_bad, zone=zone, out=out, resume=resume, seed=seed, quiet=quiet,
    )  # fmt: skip
    show(augmenting.plain(found), lambda: augmenting.augmented(found), as_json)


def mitigate(
    run: RunFolder,
    place: Annotated[
        str | None, typer.Argument(metavar="DATA", help="The data of the run; without it, where the run found them.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Attributes whose groups are to be served alike; `class` for the classes."),
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="What to try, separated by commas. In seconds: last-layer, last-layer-dro, class-thresholds, "
            "group-thresholds. From the run's weights, as long as the run was: fine-tuning, further-training. Trained "
            "anew: reweighting, balanced-sampling, generated-pictures, group-dro, class-balanced-loss, focal-loss, "
            "logit-adjustment.",
        ),
    ] = "last-layer",
    minutes: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Minutes of each training; default: the run's steps.")
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Epochs of each training, instead of minutes.")
    ] = None,
    generator: Annotated[
        str | None, typer.Option(metavar="RUN", help="The run of a generator, for generated-pictures.")
    ] = None,
    attributes: Attributes = None,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="The new run folder; default: RUN-mitigated.")
    ] = None,
    zone: Zone = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a classifier serve its groups more alike, into a new run, and measure what that gains and costs."""
    from clearsight.printing import mitigating
    from clearsight.verbs.mitigate import mitigate as run_mitigate

    found = run_mitigate(
        run, place, by=words(by), only=words(only), minutes=minutes, epochs=epochs, generator=generator,
        attributes=attributes, out=out, zone=zone, seed=seed, quiet=quiet,
    )  # fmt: skip
    show(mitigating.plain(found), lambda: mitigating.mitigated(found), as_json)


COMMANDS = (evaluate, audit, stress, compare, augment, mitigate)
