//! Mail: by SMTP or, for small installations that have no mail server, to the log, where whoever
//! runs Quire finds it.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::error::{Error, Kind, Result};

/// How long a mail server may take for each of its answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// How mail leaves.
pub enum Mailer {
    /// By a mail server.
    Smtp {
        /// The connection to it, made anew for each mail.
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        /// Whom mail comes from.
        from: Mailbox,
    },
    /// To the log, at info: the line is the mail.
    Log,
}

impl Mailer {
    /// By the mail server of `--smtp-url` as `--mail-from`, or to the log when neither is set.
    ///
    /// # Errors
    /// `Setting` when one is missing or cannot be read.
    pub fn new(smtp_url: Option<&str>, mail_from: Option<&str>) -> Result<Self> {
        let (url, from) = match (smtp_url, mail_from) {
            (None, None) => return Ok(Self::Log),
            (Some(url), Some(from)) => (url, from),
            _ => {
                let context = "--smtp-url (QUIRE_SMTP_URL) and --mail-from (QUIRE_MAIL_FROM) go \
                               together: set both or none";
                return Err(Error::new(Kind::Setting, context));
            }
        };
        let from = from.parse().map_err(|e| {
            let context = "read --mail-from (QUIRE_MAIL_FROM), such as quire@example.org";
            Error::caused(Kind::Setting, context, e)
        })?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|e| {
            let context = "read --smtp-url (QUIRE_SMTP_URL), such as smtps://user:password@host";
            Error::caused(Kind::Setting, context, e)
        })?;
        Ok(Self::Smtp {
            transport: Box::new(transport.timeout(Some(PATIENCE)).build()),
            from,
        })
    }

    /// Sends a mail of plain text.
    ///
    /// # Errors
    /// `Invalid` when `to` is no address that mail can be sent to, `Unavailable` when the mail
    /// server does not take it.
    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<()> {
        let (transport, from) = match self {
            Self::Smtp { transport, from } => (transport, from),
            Self::Log => {
                tracing::info!(subject, text, "mail to {to}");
                return Ok(());
            }
        };
        let to: Mailbox = to
            .parse()
            .map_err(|e| Error::caused(Kind::Invalid, "read a mail address", e))?;
        let mail = Message::builder()
            .from(from.clone())
            .to(to)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text.to_owned())
            .map_err(|e| Error::caused(Kind::Internal, "write mail", e))?;
        transport
            .send(mail)
            .await
            .map_err(|e| Error::caused(Kind::Unavailable, "send mail", e))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn without_a_mail_server_the_log_line_is_the_mail() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(log);
        let mailer = Mailer::new(None, None).unwrap();
        mailer
            .send("ada@example.org", "Hello", "a\nb")
            .await
            .unwrap();
        let bytes = lines.0.lock().unwrap().clone();
        let log = String::from_utf8(bytes).unwrap();
        assert!(log.contains("INFO"), "{log}");
        assert!(log.contains("mail to ada@example.org"), "{log}");
        assert!(log.contains("\"a\\nb\""), "it is one line: {log}");
    }

    #[tokio::test]
    async fn half_a_setting_is_named() {
        for (url, from, says) in [
            (Some("smtp://localhost"), None, "--mail-from"),
            (None, Some("quire@example.org"), "--smtp-url"),
            (Some("nonsense"), Some("quire@example.org"), "--smtp-url"),
            (Some("smtp://localhost"), Some("nonsense"), "--mail-from"),
        ] {
            let Err(error) = Mailer::new(url, from) else {
                panic!("{url:?} {from:?} is refused");
            };
            assert_eq!(error.kind(), Kind::Setting);
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(Mailer::new(Some("smtp://localhost"), Some("q@example.org")).is_ok());
    }
}
