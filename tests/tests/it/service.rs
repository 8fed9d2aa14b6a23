//! Both services as good citizens of a cluster: what sava-service gives them, seen from outside.

mod caps;
mod faults;
mod life;
mod limits;
mod logs;
mod memory;
mod monitoring;
mod rejections;
mod settings;
mod slow;
mod tracing;
mod wire;
