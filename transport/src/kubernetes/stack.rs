//! The crate `kube` on top of connections that send at once.
//!
//! Its own connections gather small messages (Nagle, RFC 896): each waits until the server has
//! acknowledged the one before, and a server that waits for it does so only after 40 ms (RFC 1122,
//! 4.2.3.2). What this program says during a pull is small, and the far end waits for it.

use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config, Error};
use tower::retry::RetryLayer;
use tower::{BoxError, ServiceBuilder};

/// A client of the cluster that `config` describes.
///
/// # Errors
/// What `config` says of credentials and certificates can not be used.
pub(super) fn client(config: Config) -> Result<Client, Error> {
    // Connections through a proxy are made by `kube`, which tells nobody how.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(config.connect_timeout);
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let http: Http<_, Body> = Http::builder(TokioExecutor::new()).build(tls);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(RetryLayer::new(RetryPolicy::server_retry()))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use rustix::net::{SocketAddrAny, getpeername, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    use super::*;

    #[test]
    fn what_is_small_is_sent_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            assert!(connection.read(&mut [0; 4096]).unwrap() > 0);
            connection
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .unwrap();
            connection
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let config = Config::new(format!("http://{address}").parse().unwrap());
        let client = {
            let _context = runtime.enter();
            client(config).unwrap()
        };
        let request = http::Request::get("/").body(Vec::new()).unwrap();
        assert_eq!(
            runtime.block_on(client.request_text(request)).unwrap(),
            "{}"
        );
        let _connection = server.join().unwrap();

        let me = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
        let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let peer = SocketAddrAny::from(address);
        // Each look opens a further one, which is closed again before it could be looked at itself.
        let without_delay: Vec<_> = open
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(|number| pidfd_getfd(&me, number, PidfdGetfdFlags::empty()).ok())
            .filter(|fd| getpeername(fd).is_ok_and(|it| it.as_ref() == Some(&peer)))
            .map(|fd| sockopt::tcp_nodelay(&fd).unwrap())
            .collect();
        assert_eq!(without_delay, [true]);
    }
}
