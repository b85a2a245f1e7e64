//! Servers on loopback that behave as told, for tests that look at them from
//! outside: they use no room of this crate.

#![expect(
    unreachable_pub,
    reason = "shared by the unit tests of the library and by tests of their own"
)]

pub mod http;
pub mod postgres;
pub mod redis;
pub mod tcp;
