//! One file per kind.

mod aim;
mod http;
mod ping;
mod postgres;
mod redis;
mod tcp;

pub use http::Http;
pub use ping::Ping;
pub use postgres::Postgres;
pub use redis::Redis;
pub use tcp::Tcp;
