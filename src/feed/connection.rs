//! A replication connection: TLS, start-up, passwords, simple queries, and the change to streaming.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use futures_util::future::BoxFuture;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{self, ScramSha256};
use postgres_protocol::message::backend::{ERROR_RESPONSE_TAG, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslMode, SslNegotiation};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};

use super::address::{Address, Socket};
use super::wire::{COPY_BOTH, Frames, Refusal, broken, unexpected};
use crate::error::{Error, Kind, Result};
use crate::postgres::Tls;

/// A row of a simple query's answer.
pub(super) type Row = Vec<Option<String>>;

pub(super) struct Connection {
    frames: Frames<Socket>,
}

impl Connection {
    /// Connects to one place and signs in. Errors: kind `Unavailable`, or `Setting` with the mend.
    pub async fn open(
        address: &Address,
        config: &Config,
        tls: &Tls,
        application_name: &str,
    ) -> Result<Self> {
        let socket = secure(address, config, tls).await?.socket;
        let mut connection = Self {
            frames: Frames::new(socket),
        };
        connection.sign_in(config, application_name).await?;
        Ok(connection)
    }

    /// Runs one simple query or replication command and returns its rows. Not cancel-safe: what
    /// was cut off leaves an answer behind, so drop the connection then.
    pub async fn query(&mut self, doing: &str, sql: &str) -> Result<Vec<Row>> {
        let answer = self.try_query(doing, sql).await?;
        answer.map_err(|refusal| refusal.into_error(doing))
    }

    /// Like `query`; what the database refuses comes as a value, and the connection goes on.
    pub async fn try_query(&mut self, doing: &str, sql: &str) -> Result<Result<Vec<Row>, Refusal>> {
        self.send(|out| frontend::query(sql, out)).await?;
        let mut answer = Ok(Vec::new());
        loop {
            match self.message(doing).await? {
                Message::DataRow(row) => {
                    let fields = row.ranges().map(|range| {
                        Ok(range.map(|range| {
                            String::from_utf8_lossy(&row.buffer()[range]).into_owned()
                        }))
                    });
                    let fields = fields.collect().map_err(broken)?;
                    if let Ok(rows) = &mut answer {
                        rows.push(fields);
                    }
                }
                Message::ErrorResponse(body) => answer = Err(Refusal::read(body.fields())),
                Message::ReadyForQuery(_) => return Ok(answer),
                Message::RowDescription(_)
                | Message::CommandComplete(_)
                | Message::EmptyQueryResponse => {}
                _ => return Err(unexpected(doing)),
            }
        }
    }

    /// Sends a command that starts streaming; from then on the halves live apart, so that the
    /// database hears from us while nobody reads.
    pub async fn stream(
        mut self,
        doing: &str,
        command: &str,
    ) -> Result<(Frames<ReadHalf<Socket>>, WriteHalf<Socket>)> {
        self.send(|out| frontend::query(command, out)).await?;
        let answer = self.frames.next().await?;
        if answer.tag == ERROR_RESPONSE_TAG {
            return match answer.message()? {
                Message::ErrorResponse(body) => Err(Refusal::read(body.fields()).into_error(doing)),
                _ => Err(unexpected(doing)),
            };
        }
        if answer.tag != COPY_BOTH {
            return Err(unexpected(doing));
        }
        let mut writer = None;
        let frames = self.frames.map(|socket| {
            let (read, write) = tokio::io::split(socket);
            writer = Some(write);
            read
        });
        Ok((frames, writer.expect("map runs its change")))
    }

    async fn sign_in(&mut self, config: &Config, application_name: &str) -> Result<()> {
        let doing = "sign in to the database";
        let user = match config.get_user() {
            Some(user) => user.to_owned(),
            None => whoami::username().map_err(|e| {
                Error::caused(
                    Kind::Setting,
                    "DATABASE_URL (--database-url) names no user",
                    e,
                )
            })?,
        };
        let mut parameters = vec![
            ("user", user.as_str()),
            ("database", config.get_dbname().unwrap_or(&user)),
            ("replication", "database"),
            ("client_encoding", "UTF8"),
            ("application_name", application_name),
        ];
        parameters.extend(config.get_options().map(|options| ("options", options)));
        self.send(|out| frontend::startup_message(parameters, out))
            .await?;
        loop {
            match self.message(doing).await? {
                Message::AuthenticationOk | Message::BackendKeyData(_) => {}
                Message::AuthenticationCleartextPassword => {
                    let password = password(config)?;
                    self.send(|out| frontend::password_message(password, out))
                        .await?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(user.as_bytes(), password(config)?, body.salt());
                    self.send(|out| frontend::password_message(hash.as_bytes(), out))
                        .await?;
                }
                Message::AuthenticationSasl(body) => {
                    let mechanisms = body.mechanisms().collect::<Vec<_>>().map_err(broken)?;
                    if !mechanisms.contains(&sasl::SCRAM_SHA_256) {
                        return Err(unsupported());
                    }
                    self.scram(config).await?;
                }
                Message::ErrorResponse(body) => {
                    return Err(Refusal::read(body.fields()).into_error(doing));
                }
                Message::ReadyForQuery(_) => return Ok(()),
                _ => return Err(unsupported()),
            }
        }
    }

    async fn scram(&mut self, config: &Config) -> Result<()> {
        let doing = "sign in to the database";
        if config.get_channel_binding() == ChannelBinding::Require {
            return Err(Error::new(
                Kind::Setting,
                "channel_binding=require cannot be kept by the feed; sslmode=require verifies the database by its certificate",
            ));
        }
        let binding = sasl::ChannelBinding::unsupported();
        let mut scram = ScramSha256::new(password(config)?, binding);
        self.send(|out| frontend::sasl_initial_response(sasl::SCRAM_SHA_256, scram.message(), out))
            .await?;
        match self.message(doing).await? {
            Message::AuthenticationSaslContinue(body) => {
                scram.update(body.data()).map_err(broken)?;
            }
            Message::ErrorResponse(body) => {
                return Err(Refusal::read(body.fields()).into_error(doing));
            }
            _ => return Err(unexpected(doing)),
        }
        self.send(|out| frontend::sasl_response(scram.message(), out))
            .await?;
        match self.message(doing).await? {
            // Proves that the database knows the password too.
            Message::AuthenticationSaslFinal(body) => scram.finish(body.data()).map_err(broken),
            Message::ErrorResponse(body) => Err(Refusal::read(body.fields()).into_error(doing)),
            _ => Err(unexpected(doing)),
        }
    }

    async fn message(&mut self, doing: &str) -> Result<Message> {
        let frame = self.frames.next().await?;
        if frame.tag == COPY_BOTH {
            return Err(unexpected(doing));
        }
        frame.message()
    }

    async fn send(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> std::io::Result<()>,
    ) -> Result<()> {
        let mut out = BytesMut::new();
        write(&mut out).map_err(|e| Error::caused(Kind::Setting, "write to the database", e))?;
        self.frames.socket.write_all(&out).await.map_err(broken)
    }
}

/// A socket to the database before anybody has signed in on it.
pub(crate) struct Secured {
    pub socket: Socket,
    pub is_tls: bool,
}

/// A socket to `address`, with TLS as `sslmode` and `sslnegotiation` ask.
pub(crate) async fn secure(address: &Address, config: &Config, tls: &Tls) -> Result<Secured> {
    let mut socket = address.open().await?;
    let mode = config.get_ssl_mode();
    // Postgres has no TLS on Unix sockets.
    let Some(hostname) = address
        .hostname
        .as_deref()
        .filter(|_| mode != SslMode::Disable)
    else {
        return Ok(plain(socket));
    };
    if config.get_ssl_negotiation() == SslNegotiation::Postgres {
        let mut out = BytesMut::new();
        frontend::ssl_request(&mut out);
        socket.write_all(&out).await.map_err(broken)?;
        if socket.read_u8().await.map_err(broken)? != b'S' {
            if mode == SslMode::Require {
                return Err(Error::new(
                    Kind::Setting,
                    "sslmode=require, but the database has no TLS: set ssl = on there",
                ));
            }
            return Ok(plain(socket));
        }
    }
    let socket = begin_tls(socket, hostname.to_owned(), tls.clone()).await?;
    Ok(Secured {
        socket,
        is_tls: true,
    })
}

fn plain(socket: Socket) -> Secured {
    Secured {
        socket,
        is_tls: false,
    }
}

/// The handshake. Boxed, because the compiler cannot see through the connector's types that the
/// future may move between threads.
fn begin_tls(socket: Socket, hostname: String, mut tls: Tls) -> BoxFuture<'static, Result<Socket>> {
    Box::pin(async move {
        let Ok(connect) = MakeTlsConnect::<Socket>::make_tls_connect(&mut tls, &hostname);
        let session = connect.connect(socket).await.map_err(|e| {
            let doing = format!("begin TLS with {hostname}");
            Error::caused(Kind::Unavailable, doing, e)
        })?;
        Ok(Box::new(session) as Socket)
    })
}

fn password(config: &Config) -> Result<&[u8]> {
    config.get_password().ok_or_else(|| {
        Error::new(
            Kind::Setting,
            "the database asks for a password and DATABASE_URL (--database-url) has none",
        )
    })
}

fn unsupported() -> Error {
    Error::new(
        Kind::Setting,
        "the database asks for a way of signing in that Quire does not know; scram-sha-256, md5, password, trust and peer work",
    )
}
