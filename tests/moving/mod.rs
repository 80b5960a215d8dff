//! `quire org move`: an organisation goes to another cluster while people write in it.

mod cut_off;
mod folds;
mod left;
mod refused;
mod road;
mod servers;
mod standbys;
mod under_load;
