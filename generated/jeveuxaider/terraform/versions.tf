# The provider reads its token from the environment: CLOUDFLARE_API_TOKEN.
terraform {
  required_version = ">= 1.7"
  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "5.22.0"
    }
  }
}
