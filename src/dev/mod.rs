//! Stands in the path; see the module list in lib.rs.
