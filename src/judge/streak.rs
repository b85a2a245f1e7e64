//! How long a verdict has stood: looks, one after the other, folded into a streak.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Verdict;

/// One look at a check, as far as time is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// What it came to by itself.
    pub verdict: Verdict,
    /// The boot of the check's host, as far as it was known.
    pub boot: Option<String>,
}

/// Looks in a row that came to the same on the same boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streak {
    /// What they came to.
    pub verdict: Verdict,
    /// The first of them.
    pub since: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many there are, 1 at least.
    pub looks: u64,
    /// The boot that they were made on, as far as it was known.
    pub boot: Option<String>,
}

/// Why a look began a streak of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The clock went back behind the last look.
    ClockSetBack,
    /// The host has booted since.
    Boot,
    /// The host's boot is known of one of the two looks alone.
    BootUnknown,
    /// The last look came to this.
    Verdict(Verdict),
    /// For this long nobody looked.
    Gap(SignedDuration),
}

impl Streak {
    /// A streak of one look.
    #[must_use]
    pub fn of(look: &Look) -> Self {
        Self {
            verdict: look.verdict,
            since: look.at,
            last: look.at,
            looks: 1,
            boot: look.boot.clone(),
        }
    }

    /// The streak with one look more, taken in at `now`, and why it is another
    /// one, where it is. Between two looks less than `longest_gap` may lie.
    ///
    /// A look from before the last one, which a slower run tells late, never
    /// makes the streak longer: it only shortens what it contradicts.
    #[must_use]
    pub fn after(
        &self,
        look: &Look,
        longest_gap: Option<Duration>,
        now: Timestamp,
    ) -> (Self, Option<Broken>) {
        if now < self.last {
            return (Self::of(look), Some(Broken::ClockSetBack));
        }
        if look.at < self.last {
            return (self.with_earlier(look), None);
        }
        match self.broken_by(look, longest_gap) {
            Some(broken) => (Self::of(look), Some(broken)),
            None => (
                Self {
                    last: look.at,
                    looks: self.looks.saturating_add(1),
                    ..self.clone()
                },
                None,
            ),
        }
    }

    fn broken_by(&self, look: &Look, longest_gap: Option<Duration>) -> Option<Broken> {
        if look.boot != self.boot {
            return Some(match (&look.boot, &self.boot) {
                (Some(_), Some(_)) => Broken::Boot,
                _ => Broken::BootUnknown,
            });
        }
        if look.verdict != self.verdict {
            return Some(Broken::Verdict(self.verdict));
        }
        let gap = look.at.duration_since(self.last);
        longest_gap
            .is_some_and(|longest| gap.unsigned_abs() >= longest)
            .then_some(Broken::Gap(gap))
    }

    fn with_earlier(&self, look: &Look) -> Self {
        let mut streak = self.clone();
        if look.at < self.since {
            return streak;
        }
        if look.verdict == self.verdict && look.boot == self.boot {
            streak.looks = self.looks.saturating_add(1);
        } else {
            // What came between the two is not known any more.
            streak.since = self.last;
            streak.looks = 1;
        }
        streak
    }

    /// From its first look to its last; nothing for a single one.
    #[must_use]
    pub fn held(&self) -> SignedDuration {
        self.last.duration_since(self.since)
    }
}

#[cfg(test)]
mod tests;
