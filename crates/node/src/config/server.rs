//! `[server]`

use std::net::{Ipv4Addr, SocketAddr};

use super::kind::{address, list, number, origin, text};
use super::origin::Origin;
use super::section::section;

section! {
    /// Where clients connect, and who this node is.
    Server = "server" {
        /// The address on which the web page, the WebSocket and the health checks are served.
        ///
        /// The default serves this machine only, where sign-in by name is allowed. To serve a network, choose
        /// `0.0.0.0:8080` or `[::]:8080` and configure a key in `[auth]`; use `[tls]` or a proxy that does TLS.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), address();
        /// The origins of the web pages that may open a WebSocket here, exactly as browsers send them.
        ///
        /// Empty: the page must come from the same origin as the request's `Host`, which is right when this server
        /// serves its own page. When it is not empty, nothing else is accepted: list this server's public address, and
        /// that of any other page that embeds the chat. Clients that are not browsers send no origin and are not
        /// concerned.
        public_origins: Vec<Origin> = Vec::new(), list(origin()), reload;
        /// This node's name: clients hear it in `welcome`, and the names of their sessions begin with it.
        ///
        /// Choose the host's name or the pod's; it need not be unique but is of little use when it is not.
        node_name: String = "n1".to_owned(), text();
        /// This node's number in message ids; unique among the nodes that share conversations.
        ///
        /// One node alone can keep 0.
        node_number: u16 = 0, number(0..=1023);
        /// Threads that run connections and conversations. 0: one for each processor.
        ///
        /// Lower it where the machine is shared with other services; more threads than processors gain nothing.
        worker_threads: usize = 0, number(0..=512);
    }
}
