"""What a server counts, in the text format of Prometheus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from gruforecast.execution.machine import resident

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


@dataclass
class Metrics:
    """Counts since the server started.

    Attributes:
        requests: by route and status; the routes are few, whatever paths are asked for.
        seconds: of answered forecasts, in buckets; in_flight: requests that are being answered.
        calls: of the model; batched: requests that they answered.
    """

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: Counter[float] = field(default_factory=Counter)
    total_seconds: float = 0.0
    in_flight: int = 0
    series: int = 0
    calls: int = 0
    batched: int = 0

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.requests[route, status] += 1
        if route == "/v1/forecast" and status == 200:
            self.total_seconds += seconds
            self.seconds[next((bound for bound in BUCKETS if seconds <= bound), float("inf"))] += 1

    def text(self, *, waiting: int, ready: bool) -> str:
        """Return all counts, one a line."""
        lines = ["# TYPE gruforecast_requests_total counter"]
        for (route, status), count in sorted(self.requests.items()):
            lines.append(f'gruforecast_requests_total{{route="{route}",status="{status}"}} {count}')
        lines.append("# TYPE gruforecast_forecast_seconds histogram")
        total = 0
        for bound in (*BUCKETS, float("inf")):
            total += self.seconds[bound]
            name = "+Inf" if bound == float("inf") else f"{bound:g}"
            lines.append(f'gruforecast_forecast_seconds_bucket{{le="{name}"}} {total}')
        lines += [
            f"gruforecast_forecast_seconds_sum {self.total_seconds:.6f}",
            f"gruforecast_forecast_seconds_count {total}",
        ]
        for name, kind, value in (
            ("gruforecast_series_total", "counter", self.series),
            ("gruforecast_model_calls_total", "counter", self.calls),
            ("gruforecast_model_call_requests_total", "counter", self.batched),
            ("gruforecast_requests_in_flight", "gauge", self.in_flight),
            ("gruforecast_requests_waiting", "gauge", waiting),
            ("gruforecast_ready", "gauge", int(ready)),
            ("process_resident_memory_bytes", "gauge", resident() or 0),
        ):
            lines += [f"# TYPE {name} {kind}", f"{name} {value}"]
        return "\n".join(lines) + "\n"
