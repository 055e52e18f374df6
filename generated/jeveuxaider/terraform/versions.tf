# The providers read their tokens from the environment: CLOUDFLARE_API_TOKEN, SCALINGO_API_TOKEN.
terraform {
  required_version = ">= 1.7"
  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "5.24.0"
    }
    scalingo = {
      source  = "Scalingo/scalingo"
      version = "2.7.4"
    }
  }
}
