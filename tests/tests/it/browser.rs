//! What a shopper does, in a real Chromium.

mod accessibility;
mod chromium;
mod release;
mod trip;
