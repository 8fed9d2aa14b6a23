# All images of all releases, the bad ones included, with one command:
#
#   docker buildx bake -f docker/docker-bake.hcl
#
# Add --push to publish, and --set '*.platform=linux/amd64' where only one platform is wanted.

variable "REGISTRY" {
  # With a trailing slash, such as "registry.example/"; empty means Docker Hub.
  default = ""
}

variable "ORGANIZATION" {
  default = "vampio"
}

variable "REVISION" {
  default = "unknown"
}

variable "SOURCE_DATE_EPOCH" {
  default = "0"
}

variable "CREATED" {
  # RFC 3339, of SOURCE_DATE_EPOCH.
  default = "1970-01-01T00:00:00Z"
}

variable "SBOM_GENERATOR" {
  # BuildKit's default; by digest where the bills of materials of two builds have to be alike.
  default = "docker/buildkit-syft-scanner:stable-1"
}

group "default" {
  targets = ["sava-product", "sava-cart", "sava-contract", "sava-shoppers"]
}

target "release" {
  context    = "."
  dockerfile = "docker/Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  attest     = ["type=provenance,mode=max", "type=sbom,generator=${SBOM_GENERATOR}"]
  args = {
    REVISION          = REVISION
    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH
    CREATED           = CREATED
  }
}

target "sava-product" {
  inherits = ["release"]
  name     = "sava-product-${replace(release, ".", "-")}"
  matrix = {
    release = ["1.0.3", "2.0.1", "3.0.0", "2.0.2-crash", "2.0.2-errors", "2.0.2-leak", "2.0.2-slow", "2.1.0-breaking"]
  }
  args = {
    SERVICE = "sava-product"
    RELEASE = release
  }
  tags = ["${REGISTRY}${ORGANIZATION}/sava-product:${release}"]
}

target "sava-cart" {
  inherits = ["release"]
  name     = "sava-cart-${replace(release, ".", "-")}"
  matrix = {
    release = ["1.0.5", "2.0.4", "3.0.0", "3.1.0", "3.2.0", "3.0.1-broken", "3.1.1-narrow"]
  }
  args = {
    SERVICE = "sava-cart"
    RELEASE = release
  }
  tags = ["${REGISTRY}${ORGANIZATION}/sava-cart:${release}"]
}

target "sava-contract" {
  inherits = ["release"]
  args = {
    SERVICE = "sava-contract"
    RELEASE = "3.0.0"
  }
  tags = ["${REGISTRY}${ORGANIZATION}/sava-contract:3.0.0"]
}

target "sava-shoppers" {
  inherits = ["release"]
  args = {
    SERVICE = "sava-shoppers"
    RELEASE = "3.0.0"
  }
  tags = ["${REGISTRY}${ORGANIZATION}/sava-shoppers:3.0.0"]
}
