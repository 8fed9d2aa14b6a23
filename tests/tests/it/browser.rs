//! What a shopper does, in a real Chromium.

mod accessibility;
mod chromium;
mod documentation;
mod layout;
mod other_sites;
mod print;
mod release;
mod trip;
