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
        samples_us: microseconds of processor time per delivery or acked message, one sample per round.
    """

    subject: str
    scenario: str
    samples_us: list[float]

    @property
    def median_us(self) -> float:
        return statistics.median(self.samples_us)

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
        rows = {result.subject: result for result in results if result.scenario == scenario}
        lines += ["", f"{scenario}: µs of server CPU {unit}", ""]
        lines.append(f"{'':8}{'median':>10}{'min–max':>16}{'× Node':>10}{'× floor':>10}")
        for subject in SUBJECTS:
            row = rows[subject]
            spread = f"{min(row.samples_us):.2f}–{max(row.samples_us):.2f}"
            ratios = [f"{row.median_us / rows[other].median_us:>10.2f}" for other in ("node", "floor")]
            lines.append(f"{subject:8}{row.median_us:>10.2f}{spread:>16}{''.join(ratios)}")
    return "\n".join(lines)


def verdicts(results: list[Result]) -> list[tuple[bool, str]]:
    """Whether ours stays within the limit, with the sentence that says so, for each scenario."""
    medians = {(result.subject, result.scenario): result.median_us for result in results}
    found = []
    for scenario in SCENARIOS:
        ratio = medians["ours", scenario] / medians["node", scenario]
        holds = ratio <= LIMIT
        word = "yes" if holds else "no"
        found.append((holds, f"verdict: {scenario}, ours at most {LIMIT} × Node: {word} ({ratio:.2f})"))
    return found
