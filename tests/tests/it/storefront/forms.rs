//! How the content of forms is read.

use reqwest::header::CONTENT_TYPE;
use sava_testbed::{Cart, Product, client};

#[tokio::test]
async fn the_media_type_of_a_form_is_the_same_in_any_case() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    for (media_type, status) in [
        ("application/x-www-form-urlencoded", 303),
        ("APPLICATION/X-WWW-FORM-URLENCODED", 303),
        ("Application/X-WWW-Form-Urlencoded; Charset=UTF-8", 303),
        ("text/plain", 400),
        ("multipart/form-data; boundary=x", 400),
    ] {
        let post = client().post(cart.url("/cart/items")).header(CONTENT_TYPE, media_type);
        let answer = post.body("id=3&quantity=1").send().await.unwrap();
        assert_eq!(answer.status(), status, "{media_type}");
    }
}
