//! `quire org move`: an organisation goes to another cluster while people write in it.

mod cut_off;
mod left;
mod refused;
mod road;
mod under_load;
