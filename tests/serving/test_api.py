import io
import json
import threading

import pytest
from PIL import Image

from clearsight.serving.limits import Limits


def post(client, *files, path="/v1/predict", **options):
    return client.post(path, files=[("file", file) for file in files], **options)


def test_pictures_come_back_in_order_with_rows_as_predict_writes_them(client, model, sent):
    answer = post(client(model), ("a.png", sent(10)), ("../b/c.jpg", sent(250)), ("a.png", sent(30, (5, 9)))).json()
    assert [(one["image_id"], one["file_name"], one["value"]) for one in answer["rows"]] == [
        (1, "a.png", 10.0), (2, "c.jpg", 250.0), (3, "a.png", 30.0)
    ]  # fmt: skip
    assert [(one["width"], one["height"]) for one in answer["pictures"]] == [(8, 6), (8, 6), (5, 9)]
    assert [[each["kind"] for each in one["warnings"]] for one in answer["pictures"]] == [[], ["unlike"], []]
    assert answer["run"] == "mean"
    assert model.logged == [("a.png", len(sent(10))), ("c.jpg", len(sent(250))), ("a.png", len(sent(30, (5, 9))))]


def test_a_picture_may_be_the_whole_request(client, model, sent):
    answer = client(model).post("/v1/predict", content=sent(7), headers={"content-type": "image/png"})
    assert answer.json()["rows"][0]["value"] == 7.0


OVERLAYS = [
    ({"headers": {"accept": "image/png"}}, 200),
    ({"params": {"want": "overlay"}}, 200),
    ({"params": {"want": "mask"}}, 422),
    ({"params": {"want": "x"}}, 422),
]


@pytest.mark.parametrize(("options", "status"), OVERLAYS)
def test_an_overlay_by_accept_or_by_parameter(client, model, sent, options, status):
    answer = post(client(model), ("a.png", sent(7)), **options)
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).getpixel((0, 0)) == (7, 0, 0)


def test_overlays_are_of_one_picture(client, model, sent):
    answer = post(client(model), ("a", sent()), ("b", sent()), params={"want": "overlay"})
    assert answer.status_code == 422 and "Send one" in answer.json()["error"]


def test_runs_are_chosen_by_name(client, two_models, sent):
    one = client(*two_models)
    assert post(one, ("a", sent()), params={"run": "second"}).json()["run"] == "second"
    assert two_models[0].sizes == []
    unknown = post(one, ("a", sent()), params={"run": "third"})
    assert unknown.status_code == 404 and "first, second" in unknown.json()["error"]
    assert [each["run"] for each in one.get("/v1/runs").json()["runs"]] == ["first", "second"]


def test_runs_of_one_name_are_numbered(client, model, sent):
    one = client(model, type(model)())
    assert [each["run"] for each in one.get("/v1/runs").json()["runs"]] == ["mean-1", "mean-2"]


def test_rows_of_tables(client, doubles):
    one = client(doubles)
    answer = one.post("/v1/predict", json={"rows": [{"x": 2}, {"x": "3.5"}]}).json()
    assert [(row["id"], row["prediction"]) for row in answer["rows"]] == [(1, 4.0), (2, 7.0)]
    for body, status in (
        ("{", 400),
        ("[]", 422),
        ('{"rows": [1]}', 422),
        ('{"rows": [{"y": 1}]}', 422),
        ("[" * 99999, 400),
    ):
        bad = one.post("/v1/predict", content=body, headers={"content-type": "application/json"})
        assert (bad.status_code, len(bad.json()["error"]) > 10) == (status, True)
    assert one.post("/v1/predict", files={"file": b"x"}).status_code == 404


def test_the_card_health_openapi_and_metrics(client, model, sent):
    one = client(model)
    assert one.get("/v1/card").json() == {"run": "mean", "card": {"title": "Mean"}}
    assert one.get("/health").json() == {"status": "ok"}
    described = one.get("/openapi.json").json()
    assert set(described["paths"]) == {"/v1/predict", "/v1/sample", "/v1/runs", "/v1/card"}
    post(one, ("a", sent(255)))
    one.get("/x" * 50)
    text = one.get("/metrics").text
    assert 'clearsight_pictures_total{run="mean"} 1' in text
    assert 'clearsight_warnings_total{kind="unlike",run="mean"} 1' in text
    assert 'clearsight_requests_total{path="other",status="404"} 1' in text
    assert 'clearsight_batch_pictures_bucket{le="+Inf"} 1' in text
    assert "clearsight_held_pixels 0\n" in text


def test_metrics_are_what_prometheus_reads(client, model, sent):
    parser = pytest.importorskip("prometheus_client.parser")
    one = client(model)
    for _ in range(3):
        post(one, ("a", sent()))
    found = {family.name: family for family in parser.text_string_to_metric_families(one.get("/metrics").text)}
    assert found["clearsight_batch_pictures"].type == "histogram"
    times = {
        s.labels.get("le"): s.value for s in found["clearsight_request_seconds"].samples if s.name.endswith("bucket")
    }
    values = [times[edge] for edge in sorted(times, key=float)]
    assert values == sorted(values) and values[-1] == 3


def test_pictures_of_one_request_share_batches(client, model, sent):
    model.go.clear()
    threading.Timer(0.3, model.go.set).start()
    post(client(model), *[(f"{n}", sent(n)) for n in range(9)])
    assert max(model.sizes) == 4 and sum(model.sizes) == 9


def test_a_model_that_fails_on_one_picture_answers_the_others(client, model, sent):
    one = client(model)
    answer = post(one, ("a", sent(1, (13, 13))))
    assert answer.status_code == 500 and "thirteen" not in answer.text
    assert post(one, ("a", sent(1))).status_code == 200


def together(one, bodies):
    """The answers to requests that are sent at once."""
    found = [None] * len(bodies)

    def ask(place):
        found[place] = post(one, bodies[place])

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(bodies))]
    for thread in threads:
        thread.start()
    return found, threads


def test_a_full_queue_is_503_with_retry_after_and_honest_ones_are_answered(client, model, sent):
    one = client(model, waiting=3, files=1)
    model.go.clear()
    found, threads = together(one, [(f"{n}.png", sent(n)) for n in range(12)])
    threading.Timer(1.5, model.go.set).start()
    for thread in threads:
        thread.join(30)
    codes = [answer.status_code for answer in found]
    assert set(codes) == {200, 503} and codes.count(200) >= 3
    for number, answer in enumerate(found):
        if answer.status_code == 200:
            assert answer.json()["rows"][0]["value"] == number
        else:
            assert answer.headers["retry-after"] == "1"
    assert post(one, ("a", sent(9))).json()["rows"][0]["value"] == 9.0


def test_no_answer_in_time_is_503_and_what_waited_is_left_out(client, model, sent):
    one = client(model, seconds=0.5)
    model.go.clear()
    answer = post(one, ("a", sent()))
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    assert "within 0.5 s" in answer.json()["error"]
    second = post(one, ("b", sent()))
    assert second.status_code == 503
    model.go.set()
    assert post(one, ("c", sent(3))).json()["rows"][0]["value"] == 3.0
    assert sum(model.sizes) == 2  # the first was under way, the second was cancelled


def test_a_log_that_cannot_be_written_withholds_the_answer(client, model, sent, monkeypatch):
    def fails(name, content, answer):
        raise ValueError("nothing is appended to decisions.jsonl: it was changed.")

    monkeypatch.setattr(model, "log", fails)
    answer = post(client(model), ("a", sent(77)))
    assert answer.status_code == 500 and "77" not in answer.text


@pytest.mark.parametrize("field", ["mib", "files", "megapixels", "seconds", "waiting"])
def test_limits_have_limits(field):
    with pytest.raises(ValueError, match=r"--max-.* is 0\. Expected"):
        Limits(**{field: 0})


def test_a_request_that_could_never_be_answered_is_a_mistake():
    with pytest.raises(ValueError, match="--max-files is 16 and --max-waiting 3"):
        Limits(waiting=3)


def test_the_page_and_the_interface_say_the_same(client, model, sent):
    one = client(model)
    page = post(one, ("<i>.png", sent(250)), path="/").text
    assert "&lt;i&gt;.png" in page and "250.0" in page and "data:image/jpeg;base64," in page
    assert "&lt;b&gt;it is red&lt;/b&gt;" in page and "<b>it" not in page
    part = post(one, ("a.png", sent(250)), path="/", headers={"x-part": "answers"}).text
    assert "<html" not in part and "250.0" in part
    assert json.loads(json.dumps(post(one, ("a", sent(250))).json()))["pictures"][0]["said"] == "250.0"


def test_two_runs_stand_side_by_side(client, two_models, sent):
    page = post(client(*two_models), ("a.png", sent(50)), path="/").text
    assert page.count('class="answer"') == 2 and 'class="columns several"' in page


def test_the_page_has_a_form_of_the_columns(client, doubles):
    one = client(doubles)
    page = one.get("/").text
    assert "&lt;kind&gt;" in page and 'placeholder="0 to 9"' in page and "<option>b</option>" in page
    assert "8.0" in one.post("/", data={"run": "doubles", "column-0": "4", "column-1": ""}).text
    assert one.post("/", data={"run": "doubles", "column-0": "many"}).status_code == 422
    assert one.post("/", data={"run": "no"}).status_code == 404


def test_nothing_is_kept_in_memory_after_an_answer(client, model, sent):
    one = client(model)
    for _ in range(3):
        post(one, ("a", sent(1, (200, 200))))
    assert "clearsight_held_pixels 0\n" in one.get("/metrics").text
