//! Settings of the HTTP server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Serialize;

use super::read::{Reader, is_url};

/// Where the server listens and which pages may call it.
#[derive(Debug, Clone, Serialize)]
pub struct ServerConfig {
    /// `USM_HOST`: the address to listen on, `localhost` or a loopback address; default 127.0.0.1. Others are
    /// refused until authentication exists, since everyone who reaches the server may read and write everything.
    pub host: IpAddr,
    /// `USM_PORT`: the port to listen on; default 8000, 0 for any free one.
    pub port: u16,
    /// `ALLOWED_ORIGINS`: pages of other origins that may call the API from a browser, separated by commas;
    /// default `http://localhost:5173` and `http://127.0.0.1:5173`, where the page's development server runs.
    pub allowed_origins: Vec<String>,
}

impl ServerConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            host: read_host(reader),
            port: reader.number("USM_PORT", 8000, 0..=65535),
            allowed_origins: read_origins(reader),
        }
    }

    /// The address to bind.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

fn read_host(reader: &mut Reader<'_>) -> IpAddr {
    let allowed =
        "localhost, 127.0.0.1 or ::1: this version has no authentication, so it serves this machine only";
    reader.parsed("USM_HOST", Ipv4Addr::LOCALHOST.into(), allowed, |value| {
        if value.eq_ignore_ascii_case("localhost") {
            return Some(Ipv4Addr::LOCALHOST.into());
        }
        value.trim_matches(['[', ']']).parse().ok().filter(IpAddr::is_loopback)
    })
}

fn read_origins(reader: &mut Reader<'_>) -> Vec<String> {
    let Some(list) = reader.text("ALLOWED_ORIGINS") else {
        return vec!["http://localhost:5173".into(), "http://127.0.0.1:5173".into()];
    };
    let mut origins = Vec::new();
    for origin in
        list.split(',').map(|origin| origin.trim().trim_end_matches('/')).filter(|origin| !origin.is_empty())
    {
        if is_origin(origin) {
            origins.push(origin.to_owned());
        } else {
            reader.refuse(
                "ALLOWED_ORIGINS",
                origin,
                "each origin must be http://host or https://host with an optional port and no path; * is not allowed",
            );
        }
    }
    origins
}

fn is_origin(origin: &str) -> bool {
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    is_url(origin, &["http", "https"]) && !host.contains(['/', '?', '#', '@', '*'])
}
