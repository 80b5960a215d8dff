//! The settings of `quire dev`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;

use super::Reserved;
use crate::error::{Error, Kind, Result};

/// Where Quire listens if it can, so that bookmarks stay right.
const PORT: u16 = 4400;

/// Where its SQL port listens if it can.
const SQL_PORT: u16 = 6432;

/// How many ports are tried from there on.
const PORTS: u16 = 100;

/// `quire dev --help` shows these texts.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// The folder that keeps the documents. Default: quire in your data folder
    /// ($XDG_DATA_HOME or ~/.local/share); /var/lib/quire for root.
    #[arg(long, env = "QUIRE_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,

    /// Where the first server listens; further ones take the next free ports. Default:
    /// 127.0.0.1:4400, or the next free port after it.
    #[arg(long, env = "QUIRE_LISTEN", value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,

    /// Where the first server listens for clients of Postgres. Default: 127.0.0.1:6432, or the next free
    /// port after it; any free port with --listen.
    #[arg(long, env = "QUIRE_SQL_LISTEN", value_name = "IP:PORT")]
    pub sql_listen: Option<SocketAddr>,

    /// How many servers to run on the same database, each in a process of its own if there is more
    /// than one.
    #[arg(long, env = "QUIRE_SERVERS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=50), value_name = "NUMBER")]
    pub servers: u16,

    /// How many standbys to give the private Postgres, copied anew with each start. Servers read from them
    /// then, and every second server has its log from one (PostgreSQL 16).
    #[arg(long, env = "QUIRE_STANDBYS", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=8), value_name = "NUMBER")]
    pub standbys: u16,

    /// The certificate for TLS in the servers: a PEM file with the chain, its own certificate first.
    #[arg(
        long,
        env = "QUIRE_TLS_CERTIFICATE",
        requires = "tls_key",
        value_name = "FILE"
    )]
    pub tls_certificate: Option<PathBuf>,

    /// The private key of the certificate: a PEM file.
    #[arg(
        long,
        env = "QUIRE_TLS_KEY",
        requires = "tls_certificate",
        value_name = "FILE"
    )]
    pub tls_key: Option<PathBuf>,

    /// Addresses of balancers in front of the servers, several separated by commas: browsers may come from
    /// them, and what they say of who is behind them is believed when they are on this machine.
    #[arg(
        long,
        env = "QUIRE_BALANCER",
        value_delimiter = ',',
        value_name = "URL"
    )]
    pub balancer: Vec<String>,

    /// The folder of Postgres's programs (postgres and initdb, 15 or newer). Default: the newest on
    /// this machine, else the npm package in node_modules.
    #[arg(long, env = "QUIRE_POSTGRES_BIN", value_name = "FOLDER")]
    pub postgres_bin: Option<PathBuf>,
}

impl Options {
    /// The folder that keeps the documents.
    /// Errors: [`Kind::Setting`] when there is no home folder to put it in.
    pub fn data(&self) -> Result<PathBuf> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        if rustix::process::geteuid().is_root() {
            return Ok("/var/lib/quire".into());
        }
        let named = |name: &str| {
            let folder = std::env::var_os(name).filter(|folder| Path::new(folder).is_absolute());
            folder.map(PathBuf::from)
        };
        named("XDG_DATA_HOME")
            .or_else(|| named("HOME").map(|home| home.join(".local/share")))
            .map(|folder| folder.join("quire"))
            .ok_or_else(|| {
                Error::new(
                    Kind::Setting,
                    "there is no home folder: name one with --data (QUIRE_DATA)",
                )
            })
    }

    /// What every server is told besides its addresses, as arguments of `quire serve`.
    pub(super) fn arguments(&self, index: usize) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add =
            |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
        if let (Some(chain), Some(key)) = (&self.tls_certificate, &self.tls_key) {
            let (chain, key) = (chain.to_string_lossy(), key.to_string_lossy());
            add(&["--tls-certificate", &chain, "--tls-key", &key]);
        }
        for address in &self.balancer {
            add(&["--public-url", address, "--trusted-proxy", "127.0.0.0/8"]);
        }
        if self.standbys > 0 {
            add(&["--read-from-standbys"]);
        }
        // Some on the primary, so that both ways are tried.
        if self.standbys > 0 && index % 2 == 1 {
            add(&["--feed-from", "standby"]);
        }
        arguments
    }

    /// `http`, or `https` with a certificate.
    pub(super) fn scheme(&self) -> &'static str {
        match self.tls_certificate {
            Some(_) => "https",
            None => "http",
        }
    }

    /// One address for each server.
    /// Errors: [`Kind::Setting`] when the address asked for is taken, or all are.
    pub fn addresses(&self) -> Result<Vec<Reserved>> {
        let (ip, first) = match self.listen {
            Some(listen) => (listen.ip(), listen.port()),
            None => (IpAddr::V4(Ipv4Addr::LOCALHOST), PORT),
        };
        let mut addresses = Vec::new();
        if self.listen.is_some() {
            let asked = Reserved::take(SocketAddr::new(ip, first)).map_err(|e| {
                Error::caused(
                    Kind::Setting,
                    format!("listen on {ip}:{first} (--listen, QUIRE_LISTEN)"),
                    e,
                )
            })?;
            addresses.push(asked);
        }
        // After a port that the system chose, it chooses the others as well.
        let step = u16::from(first > 0);
        let mut candidates = (u16::from(self.listen.is_some())..PORTS)
            .filter_map(|place| first.checked_add(place * step))
            .map(|port| SocketAddr::new(ip, port));
        while addresses.len() < usize::from(self.servers) {
            let Some(candidate) = candidates.next() else {
                let context =
                    format!("no free port from {first} on: name one with --listen (QUIRE_LISTEN)");
                return Err(Error::new(Kind::Setting, context));
            };
            addresses.extend(Reserved::take(candidate));
        }
        Ok(addresses)
    }

    /// The address of the SQL port.
    /// Errors: [`Kind::Setting`] when the address asked for is taken, or all are.
    pub fn sql_address(&self) -> Result<Reserved> {
        let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let candidates: Vec<SocketAddr> = match (self.sql_listen, self.listen) {
            (Some(asked), _) => vec![asked],
            (None, Some(_)) => vec![here(0)],
            (None, None) => (SQL_PORT..SQL_PORT + PORTS).map(here).collect(),
        };
        let mut taken = candidates
            .iter()
            .filter_map(|candidate| Reserved::take(*candidate).ok());
        taken.next().ok_or_else(|| {
            let context = format!(
                "{} is not free: name another with --sql-listen (QUIRE_SQL_LISTEN)",
                candidates[0]
            );
            Error::new(Kind::Setting, context)
        })
    }
}
