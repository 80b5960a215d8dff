//! Every test of Quire is in this one binary: one link, one set of database clusters.

mod auth;
mod commit;
mod feed;
mod http;
mod kit;
mod path;
mod postgres;
mod protocol;
mod replay;
