//! Accounts, sessions, passwords, one-time links and who may do what. Secrets are random and only their hashes are
//! stored; every rule of access stands in the view quire.document_access.

mod access;
mod account;
mod acting;
mod attempt;
mod color;
mod identity;
mod link;
mod login;
mod own_sessions;
mod password;
mod reset;
mod scope;
mod session;
mod sign_up;
mod token;

pub use access::{
    Access, Hold, Permission, access, hold_authority, may_oversee, member_role, permission,
    share_authority,
};
pub use account::{add_account, rename_account};
pub use acting::{act_in, acting, acting_unknown};
pub use attempt::{
    Subject, count_attempt, drop_old_attempts, forget_attempts, forgive_address, forgive_attempt,
    network_id, network_of,
};
pub use color::color_of;
pub use identity::{
    Journey, OIDC_MINUTES, OwnIdentity, come_back, drop_old_journeys, identities_of, link_identity,
    name_of, note_refused_identity, set_out, unlink_identity, use_identity,
};
pub use link::{
    Comer, Invitation, LinkKind, LinkPreview, Organisation, SignIn, invite, look_at_link,
    organisations_of, use_link, use_link_hash, welcome_link,
};
pub use login::{
    Login, check_email, hold_login, login_of, set_login, start_login, verify_again, verify_login,
};
pub use own_sessions::{
    ApiToken, Device, TOKEN_DAYS, api_tokens, devices, end_browser_sessions, end_own_session,
    hold_session, make_api_token,
};
pub use password::{For, Verdict, check_password, hash_password, verify_password};
pub use reset::{check_reset, drop_old_resets, make_reset, reset_is_gone, use_reset};
pub use scope::{Scope, Scopes};
pub use session::{
    SESSION_DAYS, Session, SessionKind, end_expired, end_session, note_use, session_by_token,
    start_session,
};
pub use sign_up::{SignUp, add_organisation, sign_up};
pub use token::Token;
