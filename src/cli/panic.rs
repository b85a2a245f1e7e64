//! What a user sees of a panic: one line and exit code 3.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use super::exit::Exit;
use super::output::tell;

/// Where the last panic was.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Runs `program`; a panic in it ends as CHECK_FAILED.
pub(super) fn guarded(program: impl FnOnce() -> Exit) -> Exit {
    // Said nothing here: a probe's panic is caught and becomes a fault on the
    // card, which a trace in the middle of it would tear up.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }));
    panic::catch_unwind(AssertUnwindSafe(program)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no reason given");
        let place = PLACE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_else(|| "an unknown place".to_owned());
        tell(&format!(
            "coldstart: a defect in coldstart itself ended it, so nothing was concluded: {text} ({place}). \
             Please report it with the command that you ran."
        ));
        Exit::Failed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_check_failed() {
        let hook = panic::take_hook();
        let exit = guarded(|| panic!("a planted defect"));
        panic::set_hook(hook);
        assert_eq!(exit, Exit::Failed);
        assert_eq!(exit.code(), 3);
    }
}
