//! What tests share: database clusters, servers, clients.
