//! A waivers file, and `accept` adding to it.

use std::io;
use std::path::Path;

use super::baseline::told;
use crate::baseline::{Files, NewWaiver, load_waivers};

struct Whole<'a>(&'a [u8]);

impl Files for Whole<'_> {
    fn read(&self, _: &Path, _: usize) -> io::Result<Vec<u8>> {
        Ok(self.0.to_owned())
    }
}

/// Reads it, and adds an entry whose reason is the file itself. What is added is read
/// back, and takes nothing from what was there.
pub(super) fn target(input: &[u8]) {
    let mut loaded = load_waivers("waivers.yml", &Whole(input));
    loaded.warn_of_superseded();
    told(&loaded.diagnostics, &loaded.sources);
    if loaded.diagnostics.has_errors() {
        assert!(
            loaded.waivers.is_empty(),
            "a file with errors accepts nothing"
        );
    }
    for waiver in &loaded.waivers {
        assert!(waiver.accepted_at < waiver.until, "{waiver:?}");
    }
    let Some(now) = jiff::civil::date(2026, 11, 21)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
    else {
        return;
    };
    let new = NewWaiver {
        check: "postgres@data188".to_owned(),
        reason: format!("why: {}", String::from_utf8_lossy(input)),
        by: "ogt".to_owned(),
        until: "2026-12-01".to_owned(),
        accepted_at: now.timestamp(),
    };
    let Some(written) = loaded.with(&new) else {
        return;
    };
    let again = load_waivers("waivers.yml", &Whole(written.as_bytes()));
    assert!(!again.diagnostics.has_errors(), "{written}");
    assert_eq!(again.waivers.len(), loaded.waivers.len() + 1, "{written}");
    for (before, after) in loaded.waivers.iter().zip(&again.waivers) {
        assert_eq!(
            (&before.check.value, before.until, &before.reason),
            (&after.check.value, after.until, &after.reason),
            "{written}"
        );
    }
    let added = again.waivers.last().map(|waiver| &waiver.reason);
    assert_eq!(added, Some(&new.reason), "{written}");
}
