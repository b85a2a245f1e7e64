//! Raw TCP: one script for each connection.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// A listener on a free port of 127.0.0.1 whose tasks end with it.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Everything received, over all connections.
    pub received: Arc<Mutex<Vec<u8>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Serves each connection by `serve`.
    pub async fn start<F, W>(serve: F) -> Self
    where
        F: Fn(TcpStream, Arc<Mutex<Vec<u8>>>) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        Self::on(listener, serve)
    }

    /// As [`Server::start`], on a listener that is there already.
    pub fn on<F, W>(listener: TcpListener, serve: F) -> Self
    where
        F: Fn(TcpStream, Arc<Mutex<Vec<u8>>>) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().expect("its address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let received = received.clone();
            async move {
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    connections.spawn(serve(stream, received.clone()));
                }
            }
        });
        Self {
            address,
            received,
            _tasks: tasks,
        }
    }

    /// Accepts, reads and never answers.
    pub async fn hangs() -> Self {
        Self::start(|mut stream, received| async move {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                received
                    .lock()
                    .expect("the lock")
                    .extend_from_slice(&buffer[..read]);
            }
        })
        .await
    }

    /// Waits for the first bytes, answers `bytes`, then closes.
    pub async fn says(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut stream, received| {
            let bytes = bytes.clone();
            async move {
                let mut buffer = [0; 4096];
                if let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    received
                        .lock()
                        .expect("the lock")
                        .extend_from_slice(&buffer[..read]);
                    drop(stream.write_all(&bytes).await);
                    drop(stream.shutdown().await);
                }
            }
        })
        .await
    }

    /// What was received so far, as text.
    pub fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.lock().expect("the lock")).into_owned()
    }
}

/// A port of 127.0.0.1 that belongs to us and refuses connections until
/// somebody listens on it: a bound socket that does not listen is answered for
/// by a reset, and nobody else can take its port.
pub struct Held(TcpSocket);

impl Held {
    /// Takes a free port.
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .expect("a free port");
        Self(socket)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("its address").port()
    }

    /// From now on connections open.
    pub fn listen(self) -> TcpListener {
        self.0.listen(64).expect("a bound socket listens")
    }
}

/// A port of 127.0.0.1 on which nothing listens, until the test is over. It stays bound: one
/// that is free is given to the next server of another test, or to our own end of a connection
/// to it, which is then open.
pub async fn closed_port() -> u16 {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .expect("a free port");
    let port = socket.local_addr().expect("its address").port();
    std::mem::forget(socket);
    port
}
