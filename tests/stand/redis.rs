//! A real Redis on a Unix socket, as NetHesis' NethServer 8 has it.

use super::host::Host;

/// A Redis of a host.
pub(crate) struct Redis<'a> {
    host: &'a Host,
    socket: String,
}

impl Host {
    /// A Redis that listens on this socket alone.
    pub(crate) fn redis(&self, socket: &str) -> Redis<'_> {
        let folder = socket.rsplit_once('/').expect("a path").0;
        std::fs::create_dir_all(self.path(folder)).expect("a folder");
        std::fs::create_dir_all(self.path("/var/lib/redis")).expect("a folder");
        let name = format!("redis {socket}").replace('/', "-");
        self.serve(
            &name,
            &[
                "redis-server",
                "--port",
                "0",
                "--unixsocket",
                socket,
                "--unixsocketperm",
                "777",
                "--save",
                "",
                "--dir",
                "/var/lib/redis",
            ],
        );
        let at = self.path(socket);
        self.until(&name, "redis has no socket", || at.exists());
        Redis {
            host: self,
            socket: socket.to_owned(),
        }
    }
}

impl Redis<'_> {
    /// Sends one command, for what it answers.
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        let line = [&["redis-cli", "-e", "-s", &self.socket], command].concat();
        self.host.say(&line)
    }

    /// Makes a hash of these fields alone.
    pub(crate) fn hash(&self, key: &str, fields: &[(&str, &str)]) -> &Self {
        self.ask(&["DEL", key]);
        let mut command = vec!["HSET", key];
        command.extend(fields.iter().flat_map(|(name, value)| [*name, *value]));
        self.ask(&command);
        self
    }

    /// Removes a key.
    pub(crate) fn forget(&self, key: &str) -> &Self {
        assert_eq!(self.ask(&["DEL", key]).trim(), "1", "no key {key}");
        self
    }

    /// Ends it.
    pub(crate) fn stop(self) {
        self.host
            .stop(&format!("redis {}", self.socket).replace('/', "-"));
    }
}
