//! Moments as the file holds them: whole microseconds since 1970.

use jiff::Timestamp;

use super::open::Trouble;

/// Cut to the microsecond, never rounded into the future.
pub(super) fn stored(at: Timestamp) -> i64 {
    at.as_nanosecond()
        .div_euclid(1000)
        .try_into()
        .unwrap_or(i64::MAX)
}

/// The moment of a stored number.
///
/// # Errors
/// [`Trouble::Damaged`] for a number that no clock yields.
pub(super) fn moment(stored: i64) -> Result<Timestamp, Trouble> {
    Timestamp::from_microsecond(stored)
        .map_err(|_| Trouble::Damaged(format!("{stored} is no moment")))
}
