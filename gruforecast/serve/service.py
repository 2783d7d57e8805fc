"""What the parts of a server share: settings, model, counts, and whether it is about to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gruforecast.serve.errors import Refusal
from gruforecast.serve.loaded_model import Model, opened
from gruforecast.serve.log import LOGGER
from gruforecast.serve.metrics import Metrics
from gruforecast.serve.request import ModelQuery, model_query
from gruforecast.serve.schema import read_query
from gruforecast.serve.settings import Settings
from gruforecast.serve.worker import Worker

INLINE = 16_384  # bytes of a body that is read in the server's own thread


@dataclass
class Service:
    """A model and who asks it.

    Attributes:
        folder: of the model, read again on SIGHUP.
        stopping: whether no further requests should be sent here.
        held: bytes of bodies in memory.
        stop: begins to stop the server.
    """

    settings: Settings
    folder: str
    model: Model
    metrics: Metrics = field(default_factory=Metrics)
    stopping: bool = False
    held: int = 0
    stop: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.worker = Worker(self.settings.queue, self.settings.bounds.rows, self.metrics)

    async def forecast(self, body: bytes) -> bytes:
        """Return the answer to the body of a request.

        Raises:
            Refusal: there is none.
        """
        model, bounds = self.model, self.settings.bounds

        def make() -> ModelQuery:
            return model_query(read_query(body, bounds.series, bounds.rows), model, bounds)

        self.worker.check_queue()
        answer = self.worker.submit(make() if len(body) <= INLINE else make)
        try:
            async with asyncio.timeout(self.settings.timeout):
                return await answer
        except TimeoutError:
            raise Refusal(503, "GF-H12", "the answer took too long.", headers={"retry-after": "1"}) from None

    async def reload(self) -> None:
        """Read the model folder again; requests that are under way keep the model that they began with."""
        try:
            self.model = await asyncio.to_thread(opened, self.folder)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new one, the old one goes on
            LOGGER.error("the model was not loaded again, the old one is served: %s", error)
        else:
            LOGGER.warning("the model was loaded again")
