//! What a shopper does, in a real Chromium.

mod chromium;
mod trip;
