"""Elapsed time."""

import unittest

from world import FakeClock

from seatlease._time import Stopwatch


class PausedClock(FakeClock):
    """The program is stopped right after the next reading of the wall clock."""

    pause = 0.0

    def wall(self) -> float:
        read = super().wall()
        self.now += self.pause
        self.pause = 0.0
        return read


class Elapsed(unittest.TestCase):
    def test_a_pause_between_the_readings_of_the_clocks_counts_once(self):
        clock = PausedClock()
        stopwatch = Stopwatch(clock)
        clock.pause = 5.0
        self.assertAlmostEqual(stopwatch.read(), 5.0)
        clock.now += 1.0
        self.assertAlmostEqual(stopwatch.read(), 6.0)


if __name__ == "__main__":
    unittest.main()
