# The providers that generated Terraform is checked with (`make tools`): those whose schemas are in tests/contract.
terraform {
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
