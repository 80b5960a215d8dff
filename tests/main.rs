//! Every test of Quire is in this one binary: one link, one set of database clusters.

mod commit;
mod feed;
mod kit;
mod path;
mod postgres;
mod protocol;
mod replay;
