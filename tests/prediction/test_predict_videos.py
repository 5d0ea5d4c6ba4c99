import csv
import json
import os
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import clearsight as cs
from clearsight.prediction import videos
from clearsight.prediction.inputs import found_sources
from clearsight.prediction.videos import Camera, DrawnVideo, Limits

LOW = 0.015
RATE = 12.5


def scenes(rectangles, count):
    """Pictures of the data set as BGR arrays of 64 x 64."""
    files = sorted((rectangles / "JPEGImages").glob("*.png"))
    return [np.asarray(Image.open(files[number % len(files)]))[..., ::-1].copy() for number in range(count)]


def write_video(path, pictures):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE, pictures[0].shape[1::-1])
    assert writer.isOpened()
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path


@pytest.fixture(scope="module")
def clip(rectangles, tmp_path_factory):
    """A video of 30 frames, 2.4 s."""
    return write_video(tmp_path_factory.mktemp("videos") / "clip.avi", scenes(rectangles, 30))


@pytest.fixture
def cut(clip, tmp_path):
    """The video with its second half cut off."""
    whole = clip.read_bytes()
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "cut.avi"
    path.write_bytes(whole[: len(whole) // 2])
    return path


def frames_of(path):
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        whole, frame = capture.read()
        if not whole:
            return frames, capture.get(cv2.CAP_PROP_FPS)
        frames.append(frame)


def test_a_video_is_predicted_frame_by_frame_and_drawn_as_a_video(tiny_run, clip, tmp_path):
    found = cs.predict(tiny_run, clip, out=tmp_path / "x", min_score=LOW, formats=["json", "csv", "coco", "yolo"])
    assert found.count == len(found.predictions) == 30 and [one.frame for one in found.seen] == list(range(30))
    assert [one.time_s for one in found.seen] == pytest.approx([number / RATE for number in range(30)], abs=1e-3)
    rows = json.loads((tmp_path / "x" / "predictions.json").read_text())
    assert len(rows) == sum(map(len, found.predictions)) > 20
    assert all(row["file_name"] == str(clip) and row["time_s"] == round(row["frame"] / RATE, 3) for row in rows)
    with open(tmp_path / "x" / "predictions.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(line["frame"]) for line in table] == [row["frame"] for row in rows]
    drawn, rate = frames_of(tmp_path / "x" / "overlays" / "clip.mp4")
    plain, _ = frames_of(clip)
    assert len(drawn) == 30 and rate == pytest.approx(RATE, abs=0.02) and drawn[0].shape == plain[0].shape
    changed = [np.abs(a.astype(int) - b).max(2) > 60 for a, b in zip(drawn, plain, strict=True)]
    assert np.mean(changed) > 0.005
    assert len(list((tmp_path / "x" / "labels" / "clip").iterdir())) == 30
    assert len(json.loads((tmp_path / "x" / "coco.json").read_text())["images"]) == 30


def test_frames_are_those_of_the_video(clip, rectangles):
    found = list(videos.frames(clip, Limits()))
    for frame, scene in zip(found, scenes(rectangles, 30), strict=True):
        assert frame.image.shape == (3, 64, 64)
        # JPEG halves the colours' resolution: the mean of each is kept, in the order red, green, blue.
        means = frame.image.float().mean((1, 2)).numpy()
        assert np.abs(means - scene[..., ::-1].reshape(-1, 3).mean(0)).max() < 3


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"every": 7}, [0, 7, 14, 21, 28]),
        ({"frames": 3}, [0, 1, 2]),
        ({"every": 10, "frames": 2}, [0, 10]),
        ({"seconds": 0.4}, [0, 1, 2, 3, 4]),
        ({"every": 2, "seconds": 0.4}, [0, 2, 4]),
    ],
)
def test_limits(clip, limits, expected):
    assert [frame.index for frame in videos.frames(clip, Limits(**limits))] == expected
    assert videos.count(clip, Limits(**limits)) == len(expected)


@pytest.mark.parametrize("limits", [{"every": 0}, {"frames": 0}, {"seconds": 0}, {"seconds": float("nan")}])
def test_limits_that_make_no_sense(tiny_run, clip, limits):
    with pytest.raises(ValueError, match=f"{next(iter(limits))} is"):
        cs.predict(tiny_run, clip, **limits)


def test_limits_are_for_what_moves(tiny_run, rectangles):
    with pytest.raises(ValueError, match="--every, --frames and --seconds are for videos"):
        cs.predict(tiny_run, rectangles / "JPEGImages" / "scene050.png", every=2)


def test_a_video_cut_off_is_one_error_with_frame_and_time_and_nothing_is_written(tiny_run, cut):
    with pytest.raises(ValueError, match=r"cut\.avi stops after frame (1\d) \((\d\.\d\d) s\).*promises 30 frames") as e:
        cs.predict(tiny_run, cut, out=cut.parent.parent / "out")
    assert "--skip-bad" in str(e.value) and str(e.value).count("\n") == 0
    assert sorted(path.name for path in cut.parent.parent.iterdir()) == ["in"]


def test_what_a_cut_video_gave_is_kept_where_asked(tiny_run, cut):
    out = cut.parent.parent / "out"
    found = cs.predict(tiny_run, cut, out=out, skip_bad=True, min_score=LOW)
    assert 10 <= found.count <= 19 and len(found.skipped) == 1
    assert f"stops after frame {found.count - 1} " in found.skipped[0]
    drawn, _ = frames_of(out / "overlays" / "cut.mp4")
    assert len(drawn) == found.count
    assert max(row["frame"] for row in json.loads((out / "predictions.json").read_text())) <= found.count - 1


def test_a_limit_before_the_cut_is_no_error(tiny_run, cut):
    assert cs.predict(tiny_run, cut, frames=5).count == 5


def test_files_that_are_no_videos_are_named_with_the_bad_pictures(tiny_run, clip, tmp_path):
    (tmp_path / "a.mp4").write_text("hello")
    (tmp_path / "b.png").write_text("hello")
    with pytest.raises(ValueError, match="2 of 3 files cannot be read as pictures or videos") as error:
        cs.predict(tiny_run, [tmp_path, clip])
    assert "a.mp4: not a video" in str(error.value) and "b.png" in str(error.value)
    found = cs.predict(tiny_run, [tmp_path, clip], skip_bad=True, frames=2)
    assert found.count == 2 and len(found.skipped) == 2


def test_pictures_and_videos_in_one_folder_keep_their_order(tiny_run, rectangles, clip, tmp_path):
    for name in ("a.png", "c.png"):
        (tmp_path / name).write_bytes((rectangles / "JPEGImages" / "scene050.png").read_bytes())
    (tmp_path / "b.avi").write_bytes(clip.read_bytes())
    found = cs.predict(tiny_run, tmp_path, out=tmp_path / "out", every=10, min_score=LOW)
    assert [path.name for path in found.files] == ["a.png", "b.avi", "b.avi", "b.avi", "c.png"]
    assert [one.frame for one in found.seen] == [None, 0, 10, 20, None]
    assert sorted(path.name for path in (tmp_path / "out" / "overlays").iterdir()) == ["a.jpg", "b.mp4", "c.jpg"]
    rows = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert all(("frame" in row) == row["file_name"].endswith("avi") for row in rows)


def test_without_keeping_nothing_stays_in_memory_but_all_is_counted(tiny_run, clip, tmp_path):
    kept = cs.predict(tiny_run, clip, min_score=LOW)
    streamed = cs.predict(tiny_run, clip, out=tmp_path / "x", min_score=LOW, keep=False)
    assert streamed.predictions == () == streamed.files and streamed.count == 30
    assert streamed.tally == kept.tally and dict(kept.tally)["brick"] != "0"
    rows = json.loads((tmp_path / "x" / "predictions.json").read_text())
    assert len(rows) == sum(map(len, kept.predictions))


class FakeCamera:
    """What cv2.VideoCapture gives for a camera: endless frames, and Ctrl-C after some."""

    released = 0

    def __init__(self, number, pictures=(), interrupt_after=None, ends_after=None):
        self.pictures, self.taken = pictures, 0
        self.interrupt_after, self.ends_after = interrupt_after, ends_after
        self.there = number == 0

    def isOpened(self):
        return self.there

    def grab(self):
        self.taken += 1
        if self.taken == self.interrupt_after:
            os.kill(os.getpid(), signal.SIGINT)
        return self.there and self.taken != self.ends_after

    def retrieve(self):
        return True, self.pictures[self.taken % len(self.pictures)]

    def read(self):
        return self.there, self.pictures[0] if self.there else None

    def get(self, _):
        return 0.0

    def release(self):
        FakeCamera.released += 1


@pytest.fixture
def camera(monkeypatch, rectangles):
    """A camera with number 0; returns a function to set when it is interrupted or ends."""
    real, options = cv2.VideoCapture, {}

    def capture(source):
        return FakeCamera(source, scenes(rectangles, 5), **options) if isinstance(source, int) else real(source)

    monkeypatch.setattr(cv2, "VideoCapture", capture)
    return options.update


def test_a_camera_is_watched_for_some_frames(tiny_run, camera, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for word in ("camera:0", "0"):
        found = cs.predict(
            tiny_run, word, out=f"out-{word[-2:].strip(':')}{len(word)}", frames=6, every=2, min_score=LOW
        )
        assert [one.frame for one in found.seen] == [0, 2, 4, 6, 8, 10]
        assert all(one.file_name == "camera:0" for one in found.seen)
        times = [one.time_s for one in found.seen]
        assert times == sorted(times) and times[0] >= 0
        drawn, _ = frames_of(found.folder / "overlays" / "camera-0.mp4")
        assert len(drawn) == 6
    assert FakeCamera.released > 0


def test_ctrl_c_ends_a_camera_cleanly(tiny_run, camera, tmp_path):
    camera(interrupt_after=5)
    before = signal.getsignal(signal.SIGINT)
    found = cs.predict(tiny_run, "camera:0", out=tmp_path / "x", min_score=LOW)
    assert found.count == 5 and signal.getsignal(signal.SIGINT) is before
    assert json.loads((tmp_path / "x" / "predictions.json").read_text())


def test_ctrl_c_in_a_video_leaves_nothing(tiny_run, clip, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("clearsight.prediction.writing.CsvRows.add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cs.predict(tiny_run, clip, out=tmp_path / "x", min_score=LOW)
    assert not list(tmp_path.iterdir())


def test_a_camera_that_is_not_there_or_goes_away(tiny_run, camera, tmp_path):
    with pytest.raises(ValueError, match="camera:3: no picture comes from it. Expected a camera"):
        cs.predict(tiny_run, "camera:3", out=tmp_path / "x")
    with pytest.raises(ValueError, match="watched alone"):
        cs.predict(tiny_run, ["camera:0", "camera:1"])
    camera(ends_after=4)
    with pytest.raises(ValueError, match="camera:0 stops after frame 2 .*no more pictures come"):
        cs.predict(tiny_run, "camera:0", out=tmp_path / "x")
    assert not list(tmp_path.iterdir())
    found = cs.predict(tiny_run, "camera:0", out=tmp_path / "x", skip_bad=True)
    assert found.count == 3 and "no more pictures" in found.skipped[0]


def test_without_opencv_there_is_one_clear_error(tiny_run, clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ValueError, match=r"need OpenCV.*\.\[video\]"):
        cs.predict(tiny_run, clip)


def test_words_of_cameras(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert found_sources(["camera:2"]) == [Camera(2)] and found_sources([Path("7")]) == [Camera(7)]
    Image.new("RGB", (4, 4)).save("7", "PNG")
    assert found_sources(["7"]) == [Path("7")]


def test_a_drawn_video_that_cannot_be_read_again_is_an_error(tmp_path, monkeypatch):
    video = DrawnVideo(tmp_path / "a.mp4")
    for number in range(20):
        video.add(number / 10, Image.new("RGB", (65, 49), (number, 0, 0)))
    video.writer.release()
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:300])
    with pytest.raises(ValueError, match="of 20 frames 0 can be read again"):
        video.close()
