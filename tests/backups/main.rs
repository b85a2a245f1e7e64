//! The shipped baselines on the stand, and the stand itself. One program, so that what
//! waits in one baseline's tests leaves the machine to another's.
//! `COLDSTART_TEST_NO_BACKUPS=1` leaves it out.
#![cfg(target_os = "linux")]

#[path = "../stand/mod.rs"]
mod stand;

mod cold_start;
mod dr;
mod factory;
mod homelab;
mod ns8;
mod parts;
