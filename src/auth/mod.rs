//! Sessions, one-time links and who may do what. Secrets are random and only their hashes are
//! stored; every rule of access stands in the view quire.document_access.

mod access;
mod acting;
mod attempt;
mod color;
mod link;
mod password;
mod scope;
mod session;
mod token;

pub use access::{Access, Hold, Permission, access, hold_authority, member_role, permission};
pub use acting::{acting, acting_unknown};
pub use attempt::{Subject, count_attempt, drop_old_attempts, forgive_attempt};
pub use color::color_of;
pub use link::{
    Invitation, LinkKind, LinkPreview, Organisation, SignIn, add_account, invite, look_at_link,
    organisations_of, use_link, welcome_link,
};
pub use password::{Verdict, check_password, hash_password, verify_password};
pub use scope::{Scope, Scopes};
pub use session::{
    SESSION_DAYS, Session, SessionKind, end_expired, end_session, note_use, session_by_token,
    start_session,
};
pub use token::Token;
