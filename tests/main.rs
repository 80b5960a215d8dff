//! Every test of Quire is in this one binary: one link, one set of database clusters.

mod access;
mod attack;
mod auth;
mod client;
mod cluster;
mod command_line;
mod commit;
mod dev;
mod document;
mod faults;
mod feed;
mod fuzz;
mod http;
mod integrity;
mod kit;
mod metrics;
mod modules;
mod moving;
mod path;
mod postgres;
mod protocol;
mod replay;
mod sql;
mod sqlport;
mod traces;
