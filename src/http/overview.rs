//! How the installation is, for its owners.

use super::answer::{Answer, json};
use super::call::Call;
use crate::auth::may_oversee;
use crate::error::{Error, Kind, Result};
use hyper::StatusCode;

/// `GET /api/v1/admin/overview`. For everybody else there is nothing at this address.
pub async fn show(call: &Call<'_>) -> Result<Answer> {
    let client = call.client().await?;
    let session = call.session(&client).await?;
    if !may_oversee(&client, session.account_id).await? {
        let context = "there is nothing at this address";
        return Err(Error::new(Kind::NotFound, context));
    }
    // Not held while it looks.
    drop(client);
    Ok(json(StatusCode::OK, &*call.context.overview.sample().await))
}
