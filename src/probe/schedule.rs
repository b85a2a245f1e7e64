//! When something is due: a cron expression in a time zone. The only file that
//! knows croner.

use std::iter::successors;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

/// 2026-01-01T00:00:00Z. What is asked of a schedule by itself, and not of what was
/// seen, must not change from day to day, so it begins here.
const REFERENCE: i64 = 1_767_225_600;
/// Due times that are looked through for the longest and shortest pause between two.
const MOST_DUE: usize = 20_000;
/// Long enough for every leap day: 2096 to 2104 is the longest wait for one.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 366 * 9);
/// Holds every pause of a schedule whose weeks are alike.
const TWO_WEEKS: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Due times, without an end.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The cron expression, as written.
    pub every: String,
    /// The zone's IANA name.
    pub zone: String,
    cron: Cron,
    clock: TimeZone,
}

/// What is wrong with a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleError {
    /// What is wrong, in the reader's words.
    pub message: String,
    /// What to write instead.
    pub suggestion: String,
}

impl ScheduleError {
    fn new(message: impl Into<String>, suggestion: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            suggestion: suggestion.into(),
        }
    }
}

const FIVE_FIELDS: &str =
    "write five fields as in a crontab, minute hour day month weekday: `0 2 * * *`";

/// The zone of that IANA name.
///
/// # Errors
/// [`ScheduleError`], with the name that may have been meant where there is one.
pub fn zone(name: &str) -> Result<TimeZone, ScheduleError> {
    TimeZone::get(name).map_err(|_| {
        let known: Vec<String> = jiff::tz::db()
            .available()
            .map(|name| name.as_str().to_owned())
            .collect();
        let suggestion = match closest(name, &known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write the zone's name in the IANA database: `Asia/Taipei`, `UTC`".to_owned(),
        };
        ScheduleError::new(
            format!("no time zone `{}`", name.escape_debug()),
            suggestion,
        )
    })
}

/// Of a name without its region, `taipei`, the one that ends in it; else the nearest.
fn closest<'k>(name: &str, known: &'k [String]) -> Option<&'k str> {
    let wanted = name.trim().replace(' ', "_").to_lowercase();
    let city = known.iter().find(|known| {
        let last = known.rsplit('/').next().unwrap_or_default();
        last.to_lowercase() == wanted
    });
    let nearest = || {
        known
            .iter()
            .map(|known| {
                (
                    strsim::damerau_levenshtein(&known.to_lowercase(), &wanted),
                    known,
                )
            })
            .filter(|(distance, known)| *distance <= 1 + known.len() / 6)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, known)| known)
    };
    city.or_else(nearest).map(String::as_str)
}

impl Schedule {
    /// Reads a cron expression, to be understood in the zone of that name.
    ///
    /// # Errors
    /// [`ScheduleError`] for what is no expression of five fields or a nickname such as
    /// `@daily`, for what never comes, and for what programs read differently.
    pub fn parse(every: &str, zone_name: &str, clock: TimeZone) -> Result<Self, ScheduleError> {
        refuse(every)?;
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(every)
            .map_err(|_| ScheduleError::new(not_cron(every), FIVE_FIELDS))?;
        let schedule = Self {
            every: every.split_whitespace().collect::<Vec<_>>().join(" "),
            zone: zone_name.to_owned(),
            cron,
            clock,
        };
        let comes = schedule
            .in_zone(TimeZone::UTC)
            .after(reference())
            .is_some_and(|next| next.duration_since(reference()) < HORIZON);
        if comes {
            Ok(schedule)
        } else {
            Err(ScheduleError::new(
                format!("`{}` never comes", schedule.every),
                "no month that it names has such a day: mend the day of the month, the third field",
            ))
        }
    }

    /// The first due time after `at`; none where the calendar ends.
    #[must_use]
    pub fn after(&self, at: Timestamp) -> Option<Timestamp> {
        let from = at.to_zoned(self.clock.clone());
        let found: Zoned = self.cron.find_next_occurrence(&from, false).ok()?;
        Some(found.timestamp()).filter(|found| *found > at)
    }

    /// The last due time up to `at`, which counts; none where the calendar begins.
    #[must_use]
    pub fn up_to(&self, at: Timestamp) -> Option<Timestamp> {
        // Due times are whole minutes: what is within one second begins with it.
        let whole = Timestamp::from_second(at.as_second()).ok()?;
        let from = whole.to_zoned(self.clock.clone());
        let found: Zoned = self.cron.find_previous_occurrence(&from, true).ok()?;
        Some(found.timestamp()).filter(|found| *found <= at)
    }

    /// A time on the zone's clock: `2026-06-12 02:00 +08:00`.
    #[must_use]
    pub fn told(&self, at: Timestamp) -> String {
        on_clock(at, &self.clock)
    }

    /// A due time: `2026-06-12 02:00 Asia/Taipei`.
    #[must_use]
    pub fn due(&self, at: Timestamp) -> String {
        let at = at.to_zoned(self.clock.clone());
        format!("{} {}", at.strftime("%Y-%m-%d %H:%M"), self.zone)
    }

    /// The longest pause between two due times, on a clock that is never put forward
    /// or back.
    #[must_use]
    pub fn longest_pause(&self) -> SignedDuration {
        self.pauses().max().unwrap_or_default()
    }

    /// The shortest pause between two due times, on a clock that is never put forward
    /// or back.
    #[must_use]
    pub fn shortest_pause(&self) -> SignedDuration {
        self.pauses().min().unwrap_or(HORIZON)
    }

    /// The pauses between due times, for as long as it takes until they come again:
    /// two weeks where weeks are alike, nine years otherwise, and no more of them than
    /// [`MOST_DUE`].
    fn pauses(&self) -> impl Iterator<Item = SignedDuration> {
        let horizon = if self.is_weekly() { TWO_WEEKS } else { HORIZON };
        let schedule = self.in_zone(TimeZone::UTC);
        let first = schedule.after(reference()).map(|due| (due, due));
        let due = successors(first, move |(_, last)| {
            schedule.after(*last).map(|next| (*last, next))
        });
        due.skip(1)
            .take_while(move |(last, _)| last.duration_since(reference()) <= horizon)
            .take(MOST_DUE)
            .map(|(last, next)| next.duration_since(last))
    }

    /// Whether every week is like the other: neither the day of the month nor the month
    /// is named, nor which of a month's Sundays.
    fn is_weekly(&self) -> bool {
        let fields: Vec<&str> = self.every.split(' ').collect();
        match fields.as_slice() {
            [_, _, "*", "*", weekdays] => !weekdays.contains(['#', 'l', 'L']),
            [nickname] => matches!(
                nickname.to_ascii_lowercase().as_str(),
                "@hourly" | "@daily" | "@weekly"
            ),
            _ => false,
        }
    }

    /// What becomes of a run that is due in the hour which a clock skips when it is put
    /// forward, with the next such night as an example. None where that does not happen.
    #[must_use]
    pub fn skipped(&self) -> Option<String> {
        let last = reference().checked_add(HORIZON).ok()?;
        let changes = self.clock.following(reference());
        for change in changes
            .take_while(|change| change.timestamp() < last)
            .take(8)
        {
            let at = change.timestamp();
            let before = at.checked_sub(SignedDuration::from_secs(1)).ok()?;
            let found = self.after(before)?;
            let on_clock = found.to_zoned(self.clock.clone());
            let moved = found == at && !self.cron.is_time_matching(&on_clock).unwrap_or(true);
            if moved {
                return Some(format!(
                    "the clock there skips that hour once a year, as on {}: due at {} then",
                    on_clock.strftime("%Y-%m-%d"),
                    on_clock.strftime("%H:%M")
                ));
            }
        }
        None
    }

    fn in_zone(&self, clock: TimeZone) -> Self {
        Self {
            clock,
            ..self.clone()
        }
    }
}

/// `2026-06-12 02:00:11 +08:00`, without the seconds where they are none.
#[must_use]
pub fn on_clock(at: Timestamp, clock: &TimeZone) -> String {
    let at = at.to_zoned(clock.clone());
    let form = if at.second() == 0 {
        "%Y-%m-%d %H:%M %:z"
    } else {
        "%Y-%m-%d %H:%M:%S %:z"
    };
    at.strftime(form).to_string()
}

fn reference() -> Timestamp {
    Timestamp::from_second(REFERENCE).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn not_cron(every: &str) -> String {
    format!("`{}` is no cron expression", every.escape_debug())
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const NICKNAMES: [&str; 6] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@hourly",
];

/// Refuses what croner takes and a crontab does not, or not in that sense.
fn refuse(every: &str) -> Result<(), ScheduleError> {
    let written = every.trim().to_ascii_lowercase();
    if written.starts_with('@') {
        return if NICKNAMES.contains(&written.as_str()) {
            Ok(())
        } else {
            Err(ScheduleError::new(
                format!("`{}` is no time that comes again", every.escape_debug()),
                format!("known: {}", NICKNAMES.join(", ")),
            ))
        };
    }
    let fields: Vec<&str> = written.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        let message = match fields.len() {
            0 => "a cron expression of no fields".to_owned(),
            6 | 7 => format!(
                "`{}` has {} fields: seconds and years are not for a schedule",
                every.escape_debug(),
                fields.len()
            ),
            count => format!("`{}` has {count} fields", every.escape_debug()),
        };
        return Err(ScheduleError::new(message, FIVE_FIELDS));
    };
    let fits = [
        words(minute, &[], ""),
        words(hour, &[], ""),
        words(day, &[], "lw?"),
        words(month, &MONTHS, ""),
        words(weekday, &DAYS, "l#?"),
    ];
    if fits.contains(&false) {
        return Err(ScheduleError::new(not_cron(every), FIVE_FIELDS));
    }
    // crontab(5) lets `*/2` and a weekday mean both, others either.
    let starred = |field: &str| field.starts_with(['*', '?']) && field.len() > 1;
    let free = |field: &str| ["*", "?"].contains(&field);
    if (starred(day) && !free(weekday)) || (starred(weekday) && !free(day)) {
        return Err(ScheduleError::new(
            format!(
                "`{}`: whether a day has to fit `{day}` and `{weekday}` or one of them, programs \
                 do not agree on",
                every.escape_debug()
            ),
            "write the days out, `1-31/2`, which means either; or leave one of the two `*`",
        ));
    }
    Ok(())
}

/// Whether a field has nothing but numbers, their signs, whole names, and `more`.
fn words(field: &str, names: &[&str], more: &str) -> bool {
    let signs = |next: char| next.is_ascii_digit() || "*,-/".contains(next) || more.contains(next);
    field.split(['*', ',', '-', '/', '#']).all(|word| {
        let name = word.trim_end_matches(|next: char| next == 'l' && more.contains('l'));
        names.contains(&word) || names.contains(&name) || word.chars().all(signs)
    }) && field
        .chars()
        .all(|next| signs(next) || next.is_ascii_lowercase())
        && (more.contains('#') || !field.contains('#'))
}
