"""From samples to a table and a verdict."""

import statistics
from dataclasses import dataclass

LIMIT = 1.0  # ours may cost at most this many times what the stock Node server costs
SUBJECTS = ("ours", "node", "floor")
SCENARIOS = {"fan-out": "per delivery", "acked": "per acked message"}


@dataclass(frozen=True)
class Result:
    """What one server used in one scenario.

    Args:
        subject: which server.
        scenario: which work.
        samples_us: microseconds of processor time per delivery or acked message, one sample per round, in order.
    """

    subject: str
    scenario: str
    samples_us: list[float]

    @property
    def median_us(self) -> float:
        return statistics.median(self.samples_us)

    def times(self, other: "Result") -> float:
        """How many times what ``other`` used: the median over the rounds, each of which had its own weather."""
        return statistics.median(own / its for own, its in zip(self.samples_us, other.samples_us, strict=True))

    def as_dict(self) -> dict[str, object]:
        return {
            "subject": self.subject,
            "scenario": self.scenario,
            "median_us": round(self.median_us, 3),
            "samples_us": [round(sample, 3) for sample in self.samples_us],
        }


def table(results: list[Result]) -> str:
    """Medians, spreads and ratios, one block per scenario."""
    lines = []
    for scenario, unit in SCENARIOS.items():
        rows = _rows(results, scenario)
        lines += ["", f"{scenario}: µs of server CPU {unit}", ""]
        lines.append(f"{'':8}{'median':>10}{'min–max':>16}{'× Node':>10}{'× floor':>10}")
        for subject in SUBJECTS:
            row = rows[subject]
            spread = f"{min(row.samples_us):.2f}–{max(row.samples_us):.2f}"
            ratios = [f"{row.times(rows[other]):>10.2f}" for other in ("node", "floor")]
            lines.append(f"{subject:8}{row.median_us:>10.2f}{spread:>16}{''.join(ratios)}")
    return "\n".join(lines)


def verdicts(results: list[Result]) -> list[tuple[bool, str]]:
    """Whether ours stays within the limit, with the sentence that says so, for each scenario."""
    found = []
    for scenario in SCENARIOS:
        rows = _rows(results, scenario)
        ratio = rows["ours"].times(rows["node"])
        holds = ratio <= LIMIT
        word = "yes" if holds else "no"
        found.append((holds, f"verdict: {scenario}, ours at most {LIMIT} × Node: {word} ({ratio:.2f})"))
    return found


def _rows(results: list[Result], scenario: str) -> dict[str, Result]:
    return {result.subject: result for result in results if result.scenario == scenario}
