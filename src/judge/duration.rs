//! Durations as people write and read them.

use jiff::SignedDuration;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Name and length in nanoseconds, the longest first. Months and years have no
/// fixed length, so they are not here.
const UNITS: [(&str, i128); 8] = [
    ("w", 7 * 24 * 3600 * NANOS_PER_SECOND),
    ("d", 24 * 3600 * NANOS_PER_SECOND),
    ("h", 3600 * NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("s", NANOS_PER_SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Decimal digits after the point that still count; below a nanosecond nothing does.
const FRACTION_DIGITS: usize = 9;

/// Parses `25h`, `1h30m`, `1.5h`, `2w`, `-5m`.
///
/// Units stand in falling order, each once: `30m1h` and `1h1h` are slips.
///
/// # Errors
/// What is wrong with it, as a fragment for the reader.
pub(super) fn parse(text: &str) -> Result<SignedDuration, String> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest.is_empty() {
        return Err("a duration without a number".to_owned());
    }
    let mut nanos: i128 = 0;
    let mut longest = usize::MAX;
    while !rest.is_empty() {
        let number_end = rest
            .find(|next: char| !next.is_ascii_digit() && next != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|next: char| next.is_ascii_digit() || next == '.' || next == '-');
        let (unit, after) = after.split_at(unit_end.unwrap_or(after.len()));
        if number.is_empty() {
            return Err(format!(
                "a duration is a number and a unit, not '{}'",
                rest.escape_debug()
            ));
        }
        if unit.is_empty() {
            return Err(format!("{number} has no unit"));
        }
        let position = UNITS.iter().position(|(name, _)| *name == unit);
        let Some(position) = position else {
            return Err(format!(
                "'{}' is not a unit of time: w, d, h, m, s, ms, us, ns are",
                unit.escape_debug()
            ));
        };
        if longest != usize::MAX && position <= longest {
            return Err(format!(
                "{unit} comes after a unit as short or shorter; write each unit once, the longest first"
            ));
        }
        longest = position;
        let amount = scaled(number, UNITS[position].1)
            .ok_or_else(|| format!("{number}{unit} is not a duration"))?;
        nanos = nanos
            .checked_add(amount)
            .ok_or_else(|| format!("{text} is too long"))?;
        rest = after;
    }
    let nanos = if negative { -nanos } else { nanos };
    let seconds =
        i64::try_from(nanos / NANOS_PER_SECOND).map_err(|_| format!("{text} is too long"))?;
    let below =
        i32::try_from(nanos % NANOS_PER_SECOND).map_err(|_| format!("{text} is too long"))?;
    Ok(SignedDuration::new(seconds, below))
}

/// `number` times `unit` in nanoseconds, without rounding through a float.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty()
        || fraction.is_empty()
        || fraction.len() > FRACTION_DIGITS
        || fraction.contains('.')
    {
        return None;
    }
    let whole = whole.parse::<i128>().ok()?.checked_mul(unit)?;
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction = fraction.parse::<i128>().ok()?.checked_mul(unit)? / scale;
    whole.checked_add(fraction)
}

/// Hours up to here, days above: a backup that is `26h 4m` old was due after 25.
const HOURS_UP_TO: u64 = 72;

/// `26h 4m`, `3d 1h`, `1.25s`, `350ms`: the longest unit and the next that is
/// not zero, cut and never rounded up, so that `24h 59m` is not shown as 25h.
pub fn words(duration: SignedDuration) -> String {
    let sign = if duration.is_negative() { "-" } else { "" };
    let absolute = duration.unsigned_abs();
    let seconds = absolute.as_secs();
    if seconds == 0 && absolute.subsec_nanos() > 0 {
        let micros = absolute.subsec_micros();
        return if micros == 0 {
            format!("{sign}{}ns", absolute.subsec_nanos())
        } else {
            format!(
                "{sign}{}ms",
                thousandths(u64::from(micros / 1000), micros % 1000)
            )
        };
    }
    if seconds < 60 {
        return format!("{sign}{}s", thousandths(seconds, absolute.subsec_millis()));
    }
    let hours = seconds / 3600;
    let mut parts = if hours >= HOURS_UP_TO {
        vec![(hours / 24, 'd'), (hours % 24, 'h')]
    } else {
        vec![(hours, 'h')]
    };
    parts.extend([(seconds / 60 % 60, 'm'), (seconds % 60, 's')]);
    let shown: Vec<String> = parts
        .into_iter()
        .filter(|(amount, _)| *amount > 0)
        .take(2)
        .map(|(amount, unit)| format!("{amount}{unit}"))
        .collect();
    format!("{sign}{}", shown.join(" "))
}

fn thousandths(whole: u64, thousandths: u32) -> String {
    if thousandths == 0 {
        return whole.to_string();
    }
    format!("{whole}.{thousandths:03}")
        .trim_end_matches('0')
        .to_owned()
}
