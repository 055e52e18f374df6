variable "cloudflare_zone_id" {
  description = "Zone id of reserve-civique.gouv.fr at Cloudflare"
  type        = string
}

variable "jeveuxaider__APP_KEY" {
  description = "APP_KEY of the app jeveuxaider"
  type        = string
  sensitive   = true
}

variable "jeveuxaider__PASSPORT_PRIVATE_KEY" {
  description = "PASSPORT_PRIVATE_KEY of the app jeveuxaider"
  type        = string
  sensitive   = true
}

variable "jeveuxaider__PASSPORT_PUBLIC_KEY" {
  description = "PASSPORT_PUBLIC_KEY of the app jeveuxaider"
  type        = string
  sensitive   = true
}

variable "webhook_url__jeveuxaider__ops" {
  description = "Where the platform posts what happens to jeveuxaider; whoever knows it may post there"
  type        = string
  sensitive   = true
}
