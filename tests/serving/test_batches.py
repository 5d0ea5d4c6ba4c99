import threading

import pytest

from clearsight.serving.batches import Batches, QueueIsFull


def test_what_waits_is_taken_together_and_everyone_gets_its_own():
    sizes, go = [], threading.Event()

    def look(items):
        go.wait(10)
        sizes.append(len(items))
        return [10 * item for item in items]

    with Batches(look, most=4, waiting=20) as batches:
        futures = [batches.submit(number) for number in range(10)]
        go.set()
        assert [one.result(10) for one in futures] == [10 * number for number in range(10)]
    assert sum(sizes) == 10 and max(sizes) == 4


def test_a_full_queue_refuses_at_once_and_recovers():
    go = threading.Event()

    def look(items):
        go.wait(10)
        return items

    with Batches(look, most=1, waiting=2) as batches:
        first = batches.submit(0)
        while batches.waiting:  # until the thread has taken it
            pass
        waiting = [batches.submit(number) for number in (1, 2)]
        with pytest.raises(QueueIsFull):
            batches.submit(3)
        go.set()
        assert [one.result(10) for one in (first, *waiting)] == [0, 1, 2]
        assert batches.submit(4).result(10) == 4


def test_one_bad_item_fails_alone():
    def look(items):
        if "bad" in items:
            raise RuntimeError("bad")
        return [item.upper() for item in items]

    batches = Batches(look, most=8, waiting=8)
    futures = [batches.submit(item) for item in ("a", "bad", "c")]
    with batches:
        assert futures[0].result(10) == "A" and futures[2].result(10) == "C"
        with pytest.raises(RuntimeError, match="bad"):
            futures[1].result(10)


def test_a_cancelled_item_is_left_out():
    seen = []

    def look(items):
        seen.extend(items)
        return items

    batches = Batches(look, most=8, waiting=8)
    futures = [batches.submit(number) for number in range(3)]
    assert futures[1].cancel()
    with batches:
        assert futures[2].result(10) == 2
    assert seen == [0, 2]


def test_what_waits_at_the_end_is_still_answered():
    batches = Batches(lambda items: items, most=2, waiting=8)
    futures = [batches.submit(number) for number in range(5)]
    with batches:
        pass
    assert [one.result(0) for one in futures] == [0, 1, 2, 3, 4]
