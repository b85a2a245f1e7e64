//! Servers on loopback that behave as told. They use no room of this crate:
//! unit tests, integration tests and examples include them by path.

#![expect(
    unreachable_pub,
    reason = "shared by the unit tests of the library and by tests of their own"
)]

pub mod dns;
pub mod http;
pub mod kubernetes;
pub mod ports;
pub mod postgres;
pub mod programs;
pub mod redis;
pub mod ssh;
pub mod tcp;
pub mod tls;
