//! What an operator says of the page.

use serde::Serialize;

/// Where the page keeps conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PageHistory {
    /// On the device, in the browser, until somebody deletes them.
    #[default]
    Device,
    /// In the tab: a reload keeps them, closing it does not.
    Session,
    /// Nowhere.
    Off,
}
