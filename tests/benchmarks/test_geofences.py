"""The benchmark of geofences runs, counts, and names its goal; how fast the machine is does not matter."""

from tests.benchmarks.geofences import Figures, run, table


def test_it_measures_a_town_of_fences():
    figures = run(fences=2000, devices=50, fixes=1000, seed=1)
    assert figures.fences == 2000
    assert figures.fixes == 1000
    assert figures.cpu_s > 0
    assert figures.transitions == run(fences=2000, devices=50, fixes=1000, seed=1).transitions > 0


def test_the_table_tells_the_headroom():
    text = table([Figures(fences=10_000, devices=1000, fixes=5000, transitions=7, cpu_s=0.5)])
    assert "10,000 fences" in text
    assert "10,000 fixes/s" in text
    assert "10.0 times" in text
