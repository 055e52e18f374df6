variable "cloudflare_account_id" {
  description = "Account id at Cloudflare, which holds lists and pools"
  type        = string
}

variable "cloudflare_zone_id" {
  description = "Zone id of reserve-civique.gouv.fr at Cloudflare"
  type        = string
}

variable "cloudflare_entrypoints" {
  description = "Ids of the rulesets that the zone has already, by phase (GET /zones/ZONE_ID/rulesets, kind zone): each is taken over, and all its rules replaced, instead of being refused as a second one"
  type        = map(string)
  default     = {}
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
