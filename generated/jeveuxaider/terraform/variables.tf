variable "cloudflare_zone_id" {
  description = "Zone id of reserve-civique.gouv.fr at Cloudflare"
  type        = string
}
