//! A mail server that keeps what it is given.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub struct Mailbox {
    /// What to set as `--smtp-url`.
    pub url: String,
    mails: mpsc::UnboundedReceiver<String>,
}

impl Mailbox {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (keep, mails) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                receive(stream, &keep).await;
            }
        });
        Self { url, mails }
    }

    /// The next mail: its envelope, head and text.
    pub async fn next(&mut self) -> String {
        self.mails.recv().await.unwrap()
    }
}

/// The least of RFC 5321 that a client needs.
async fn receive(stream: TcpStream, keep: &mpsc::UnboundedSender<String>) {
    let mut stream = BufReader::new(stream);
    let mut mail = String::new();
    let mut is_data = false;
    stream.write_all(b"220 here\r\n").await.unwrap();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return;
        }
        let answer = match (is_data, line.trim_end()) {
            (true, ".") => {
                is_data = false;
                // Soft line breaks of quoted-printable are none.
                keep.send(std::mem::take(&mut mail).replace("=\r\n", ""))
                    .unwrap();
                "250 kept\r\n"
            }
            (true, _) => {
                mail += &line;
                continue;
            }
            (false, "DATA") => {
                is_data = true;
                "354 go on\r\n"
            }
            (false, "QUIT") => "221 bye\r\n",
            (false, envelope) => {
                mail += envelope;
                mail += "\n";
                "250 well\r\n"
            }
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}
