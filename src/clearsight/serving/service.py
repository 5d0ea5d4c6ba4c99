"""Served models at work: decoding by threads, predicting in batches, all within limits; nothing here needs torch."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from starlette.exceptions import HTTPException

from clearsight.prediction.writing import unique_names
from clearsight.serving import uploads as sent
from clearsight.serving.batches import Batches, QueueIsFull
from clearsight.serving.limits import Limits, Pixels, TooMuch
from clearsight.serving.metrics import SIZES, Metrics
from clearsight.serving.served import Answer, AnswersPictures, AnswersRows, MakesPictures, Served, Warned, Wish
from clearsight.serving.uploads import Measured, Upload

T = TypeVar("T")
THREADS = max(2, min(8, os.cpu_count() or 2))
BUSY = "The server is busy: too many pictures wait. Send it again in a moment."


class Looked(NamedTuple):
    """One picture that was sent: its size as it is seen, and the answer of each model that was asked."""

    upload: Upload
    size: tuple[int, int]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Hosted:
    """A model with the thread that answers for it; ``name`` is unique on its server."""

    name: str
    served: Served
    batches: Batches


class Service:
    """The models of a server by name, in the order they were given; ``running`` starts and ends their threads."""

    def __init__(self, models: Sequence[Served], limits: Limits, metrics: Metrics | None = None) -> None:
        self.limits, self.metrics = limits, metrics or Metrics()
        self.pixels, self.under_way = Pixels(limits), 0
        names = unique_names([one.about.name for one in models])
        self.hosted = {name: Hosted(name, one, self._batches(one)) for name, one in zip(names, models, strict=True)}
        self.decoders = ThreadPoolExecutor(THREADS, thread_name_prefix="decode")
        self.workers = ThreadPoolExecutor(THREADS, thread_name_prefix="answer")
        self.metrics.ask("waiting_pictures", self._waiting)
        self.metrics.ask("held_pixels", lambda: {(): float(self.pixels.held)})

    def _batches(self, model: Served) -> Batches:
        def watch(size: int) -> None:
            self.metrics.observe("batch_pictures", size, SIZES)

        if isinstance(model, AnswersPictures):
            return Batches(model.look, most=model.batch, waiting=self.limits.waiting, watch=watch)
        one = model.make if isinstance(model, MakesPictures) else model.answer_rows
        return Batches(lambda items: [one(item) for item in items], most=1, waiting=self.limits.waiting)

    def _waiting(self) -> Mapping[tuple[tuple[str, str], ...], float]:
        return {(("run", name),): float(one.batches.waiting) for name, one in self.hosted.items()}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Answer requests for a block; what waits at its end is still answered."""
        with contextlib.ExitStack() as stack:
            for pool in (self.decoders, self.workers):
                stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            for one in self.hosted.values():
                stack.enter_context(one.batches)
            yield

    def of_kind(self, kind: Any) -> list[Hosted]:
        """The models that do this: ``AnswersPictures``, ``AnswersRows`` or ``MakesPictures``."""
        return [one for one in self.hosted.values() if isinstance(one.served, kind)]

    def chosen(self, name: str, kind: Any, what: str) -> Hosted:
        """The model of that name, or the first of that kind where none is named; HTTPException 404 for none."""
        able = self.of_kind(kind)
        found = next((one for one in able if one.name == name or not name), None)
        if found is None:
            known = ", ".join(one.name for one in able) or "none here"
            asked = f"There is no run {name!r} that {what}" if name else f"No run here {what}"
            raise HTTPException(404, f"{asked}. Expected one of: {known}.")
        return found

    @property
    def gone(self) -> list[str]:
        """The models whose folder or file was removed since; they are answered from memory."""
        return [name for name, one in self.hosted.items() if not one.served.about.path.exists()]

    @contextlib.asynccontextmanager
    async def looked(self, asked: Sequence[Hosted], uploads: Sequence[Upload]) -> AsyncIterator[list[Looked]]:
        """The answers of models on pictures, which stay in memory for the block only.

        Raises HTTPException 4xx for pictures that cannot be used, 503 where too much waits or the time is over.
        """
        # Before anything is spent on them: of a crowd the first are answered in time, and the others told at once.
        if self.under_way + len(uploads) > self.limits.waiting:
            raise HTTPException(503, BUSY, {"retry-after": "1"})
        self.under_way += len(uploads)
        try:
            measured = await self._within(self._in(self.decoders, sent.measured, uploads, self.limits))
            with self.pixels.reserved(sum(one.pixels for one in measured)):
                yield await self._within(self._answers(asked, uploads, measured))
        except TooMuch as error:
            raise HTTPException(503, BUSY, {"retry-after": "1"}) from error
        finally:
            self.under_way -= len(uploads)

    async def _answers(
        self, asked: Sequence[Hosted], uploads: Sequence[Upload], measured: Sequence[Measured]
    ) -> list[Looked]:
        pictures = await _all(self._in(self.decoders, sent.decoded, one, self.limits) for one in uploads)
        found = [await self._submitted(one, pictures) for one in asked]
        looked = []
        for place, (upload, picture, size) in enumerate(zip(uploads, pictures, measured, strict=True)):
            answers = [
                await self._in(self.workers, self._answer, one, upload, picture, each[place], size.moves)
                for one, each in zip(asked, found, strict=True)
            ]
            looked.append(Looked(upload, (picture.shape[0], picture.shape[1]), tuple(answers)))
        return looked

    async def _submitted(self, hosted: Hosted, items: Sequence[Any]) -> list[Any]:
        """What the thread of a model gives for each item; none stays queued where one cannot be."""
        futures: list[Future[Any]] = []
        try:
            for item in items:
                futures.append(hosted.batches.submit(item))
            return await _all(asyncio.wrap_future(one) for one in futures)
        except QueueIsFull as error:
            raise HTTPException(503, BUSY, {"retry-after": "1"}) from error
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        finally:
            for one in futures:
                one.cancel()

    def _answer(self, hosted: Hosted, upload: Upload, picture: Any, found: Any, moves: bool) -> Answer:
        model = hosted.served
        assert isinstance(model, AnswersPictures)
        answer = model.answer(picture, found)
        model.log(upload.name, upload.content, answer)  # before anyone can act on it
        if moves:
            text = "This file is an animation. Only its first picture was looked at."
            answer = _with(answer, Warned(kind="animation", text=text))
        self._count(hosted, answer)
        return answer

    async def rows(self, hosted: Hosted, rows: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """The answers of a model of tables; raises HTTPException 422 for rows that do not fit, 503 where it is busy."""
        assert isinstance(hosted.served, AnswersRows)
        (answers,) = await self._within(self._submitted(hosted, [list(rows)]))
        for one in answers:
            self._count(hosted, one)
        return list(answers)

    async def made(self, hosted: Hosted, wish: Wish) -> bytes:
        """A PNG file of a generator; raises HTTPException 422 for a bad wish, 503 where it is busy."""
        (content,) = await self._within(self._submitted(hosted, [wish]))
        self.metrics.count("pictures_total", wish.count, run=hosted.name)
        return bytes(content)

    def _count(self, hosted: Hosted, answer: Answer) -> None:
        self.metrics.count("pictures_total", run=hosted.name)
        for kind in {one.kind for one in answer.warnings}:
            self.metrics.count("warnings_total", run=hosted.name, kind=kind)

    async def work(self, call: Callable[..., T], *arguments: Any) -> T:
        """Call something slow, such as drawing, by a thread."""
        return await self._in(self.workers, call, *arguments)

    async def _in(self, pool: ThreadPoolExecutor, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call, *arguments)

    async def _within(self, work: Any) -> Any:
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await work
        except TimeoutError as error:
            said = f"There was no answer within {self.limits.seconds:g} s. Send it again later, or smaller."
            raise HTTPException(503, said, {"retry-after": f"{max(1, round(self.limits.seconds))}"}) from error


async def _all(works: Any) -> list[Any]:
    """All results in order; the others are waited for even where one fails, so that no error is lost unseen."""
    found = await asyncio.gather(*works, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return list(found)


def _with(answer: Answer, warned: Warned) -> Answer:
    return replace(answer, warnings=(warned, *answer.warnings))
