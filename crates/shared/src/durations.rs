//! How long runs took, counted in bands: small enough to be kept of each script and minute, and precise enough to tell
//! a quantile from.

use std::{collections::BTreeMap, ops::AddAssign};

/// Shorter ones are all alike.
const SHORTEST_LOG2: u32 = 4;
/// From here on all are alike, in microseconds: about nine minutes, where no run may last longer than five.
const LONGEST_LOG2: u32 = 29;
/// Bands between a power of two and the next.
const BANDS_PER_OCTAVE_LOG2: u32 = 2;

/// A band of durations. Each is at most a quarter as wide as its beginning, so that its middle is never an eighth off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationBand(u8);

impl DurationBand {
    /// How many there are.
    pub const COUNT: usize = 1 + (((LONGEST_LOG2 - SHORTEST_LOG2) as usize) << BANDS_PER_OCTAVE_LOG2);

    /// The band of this many microseconds.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer bands than a byte can number"
    )]
    pub const fn of(duration_us: u64) -> Self {
        if duration_us < 1 << SHORTEST_LOG2 {
            return Self(0);
        }
        if duration_us >= 1 << LONGEST_LOG2 {
            return Self(Self::COUNT as u8 - 1);
        }
        let log2 = duration_us.ilog2();
        let within = (duration_us >> (log2 - BANDS_PER_OCTAVE_LOG2)) & ((1 << BANDS_PER_OCTAVE_LOG2) - 1);
        Self(1 + ((log2 - SHORTEST_LOG2) << BANDS_PER_OCTAVE_LOG2) as u8 + within as u8)
    }

    /// The band with this number, if there is one.
    pub fn from_index(index: usize) -> Option<Self> {
        u8::try_from(index).ok().filter(|_| index < Self::COUNT).map(Self)
    }

    /// Its number, from 0 for the shortest on.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Where it begins, and where the next one does, in microseconds.
    fn bounds(self) -> (u64, u64) {
        (Self::beginning(self.0), Self::beginning(self.0 + 1))
    }

    fn beginning(band: u8) -> u64 {
        let Some(band) = band.checked_sub(1) else {
            return 0;
        };
        let octave = 1 << (u32::from(band >> BANDS_PER_OCTAVE_LOG2) + SHORTEST_LOG2);
        let within = u64::from(band & ((1 << BANDS_PER_OCTAVE_LOG2) - 1));
        octave + ((octave * within) >> BANDS_PER_OCTAVE_LOG2)
    }
}

/// How many runs took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations(BTreeMap<DurationBand, u64>);

impl Durations {
    /// One run.
    pub fn of(duration_us: u64) -> Self {
        [(DurationBand::of(duration_us), 1)].into_iter().collect()
    }

    /// Adds runs of one band.
    pub fn add(&mut self, band: DurationBand, runs: u64) {
        if runs > 0 {
            *self.0.entry(band).or_default() += runs;
        }
    }

    /// How many runs.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The bands that are not empty, from the shortest on, with their runs.
    pub fn bands(&self) -> impl Iterator<Item = (DurationBand, u64)> {
        self.0.iter().map(|(band, runs)| (*band, *runs))
    }

    /// What so many of a hundred runs took at most, in microseconds; none of no runs.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let place = (self.count() * percent).div_ceil(100).max(1);
        let mut before = 0;
        for (band, runs) in self.bands() {
            if before + runs >= place {
                // As if the runs of a band were spread over it evenly.
                let (from, to) = band.bounds();
                let halves = 2 * (place - before) - 1;
                return Some(
                    from + u64::try_from(u128::from(to - from) * u128::from(halves) / u128::from(2 * runs))
                        .unwrap_or(0),
                );
            }
            before += runs;
        }
        None
    }
}

impl FromIterator<(DurationBand, u64)> for Durations {
    fn from_iter<I: IntoIterator<Item = (DurationBand, u64)>>(bands: I) -> Self {
        let mut durations = Self::default();
        for (band, runs) in bands {
            durations.add(band, runs);
        }
        durations
    }
}

impl AddAssign<&Self> for Durations {
    fn add_assign(&mut self, more: &Self) {
        for (band, runs) in more.bands() {
            self.add(band, runs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_in_its_band() {
        let edges = (0..40).flat_map(|log2| {
            let octave = 1_u64 << log2;
            [
                octave - 1,
                octave,
                octave + octave / 4,
                octave + octave / 2,
                octave + octave / 3,
            ]
        });
        let mut durations: Vec<u64> = edges.chain(0..5_000).collect();
        durations.sort_unstable();
        let mut last = DurationBand::of(0);
        for duration in durations {
            let band = DurationBand::of(duration);
            assert!(band >= last, "{duration}");
            assert_eq!(DurationBand::from_index(band.index()), Some(band));
            let (from, to) = band.bounds();
            let is_beyond = duration >= 1 << LONGEST_LOG2;
            assert!(
                from <= duration && (duration < to || is_beyond),
                "{duration}: {from}..{to}"
            );
            last = band;
        }
        assert_eq!(last.index(), DurationBand::COUNT - 1);
        assert_eq!(DurationBand::from_index(DurationBand::COUNT), None);
    }

    #[test]
    fn percentiles_are_an_eighth_off_at_most() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(50), None);
        for duration in 1..=10_000 {
            durations.add(DurationBand::of(duration * 100), 1);
        }
        for (percent, exact) in [(50, 500_000), (95, 950_000), (99, 990_000), (100, 1_000_000)] {
            let found = durations.percentile(percent).unwrap_or_default();
            assert!(found.abs_diff(exact) <= exact / 8, "{percent}: {found}");
        }
        for duration in [20, 1_000, 77_777, 300_000_000] {
            let found = Durations::of(duration).percentile(99).unwrap_or_default();
            assert!(found.abs_diff(duration) <= duration / 8, "{duration}: {found}");
        }
    }
}
