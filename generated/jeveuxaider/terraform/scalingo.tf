provider "scalingo" {
  region = "osc-secnum-fr1"
}

resource "scalingo_project" "main" {
  name = "jeveuxaider"
}

data "scalingo_stack" "scalingo_24" {
  name = "scalingo-24"
}

data "scalingo_scm_integration" "github" {
  scm_type = "github"
}

data "scalingo_notification_platform" "webhook" {
  name = "webhook"
}

resource "scalingo_app" "jeveuxaider" {
  name           = "jeveuxaider"
  project_id     = scalingo_project.main.id
  stack_id       = data.scalingo_stack.scalingo_24.id
  force_https    = true
  router_logs    = true
  sticky_session = false
  environment = {
    APP_DEBUG            = "false"
    APP_ENV              = "production"
    APP_KEY              = var.jeveuxaider__APP_KEY
    DEGRADED_MODE        = "0"
    PASSPORT_PRIVATE_KEY = var.jeveuxaider__PASSPORT_PRIVATE_KEY
    PASSPORT_PUBLIC_KEY  = var.jeveuxaider__PASSPORT_PUBLIC_KEY
    SESSION_DRIVER       = "redis"
    TRUSTED_PROXIES      = "10.0.0.0/8"
  }
  lifecycle {
    prevent_destroy = true
    ignore_changes  = [environment["DEGRADED_MODE"]]
  }
}

resource "scalingo_container_type" "jeveuxaider__web" {
  app    = scalingo_app.jeveuxaider.id
  name   = "web"
  amount = 50
  size   = "M"
  lifecycle {
    ignore_changes = [amount]
  }
}

resource "scalingo_autoscaler" "jeveuxaider__web" {
  app            = scalingo_app.jeveuxaider.id
  container_type = scalingo_container_type.jeveuxaider__web.name
  min_containers = 50
  max_containers = 60
  metric         = "rpm_per_container"
  target         = 900
}

resource "scalingo_container_type" "jeveuxaider__worker" {
  app        = scalingo_app.jeveuxaider.id
  name       = "worker"
  amount     = 2
  size       = "M"
  depends_on = [scalingo_autoscaler.jeveuxaider__web]
}

# Somebody turns it off for a freeze (ppl.freeze): no apply turns it on again.
resource "scalingo_scm_repo_link" "jeveuxaider" {
  app                     = scalingo_app.jeveuxaider.id
  auth_integration_uuid   = data.scalingo_scm_integration.github.id
  source                  = "https://github.com/betagouv/jeveuxaider"
  branch                  = "production"
  auto_deploy_enabled     = true
  delete_on_close_enabled = false
  lifecycle {
    ignore_changes = [auto_deploy_enabled]
  }
}

resource "scalingo_addon" "jeveuxaider__postgresql" {
  app         = scalingo_app.jeveuxaider.id
  provider_id = "postgresql"
  plan        = "postgresql-business-65536"
  lifecycle {
    prevent_destroy = true
  }
}

resource "scalingo_notifier" "jeveuxaider__ops" {
  app             = scalingo_app.jeveuxaider.id
  name            = "ops"
  platform_id     = data.scalingo_notification_platform.webhook.id
  webhook_url     = var.webhook_url__jeveuxaider__ops
  active          = true
  send_all_alerts = true
  selected_events = ["app_crashed_repeated", "app_scaled", "variable_edited", "database_backup_failed"]
}

resource "scalingo_alert" "jeveuxaider__web__p95_response_time" {
  app                     = scalingo_app.jeveuxaider.id
  container_type          = "web"
  metric                  = "p95_response_time"
  limit                   = 1500
  duration_before_trigger = "2m0s"
  send_when_below         = false
  notifiers               = [scalingo_notifier.jeveuxaider__ops.id]
}

resource "scalingo_alert" "jeveuxaider__web__errors" {
  app                     = scalingo_app.jeveuxaider.id
  container_type          = "web"
  metric                  = "5XX"
  limit                   = 50
  duration_before_trigger = "1m0s"
  send_when_below         = false
  notifiers               = [scalingo_notifier.jeveuxaider__ops.id]
}

resource "scalingo_log_drain" "jeveuxaider" {
  app  = scalingo_app.jeveuxaider.id
  type = "syslog"
  host = "logs.example.net"
  port = "6514"
}

resource "scalingo_app" "jeveuxaider_front" {
  name           = "jeveuxaider-front"
  project_id     = scalingo_project.main.id
  stack_id       = data.scalingo_stack.scalingo_24.id
  force_https    = true
  router_logs    = true
  sticky_session = false
  environment = {
    APP_UPSTREAM  = "web.ap-5f1e.pn-7c2d.private-network.internal:8080 resolve"
    BUILDPACK_URL = "https://github.com/Scalingo/nginx-buildpack.git"
    DEGRADED_MODE = "0"
  }
  lifecycle {
    prevent_destroy = true
    ignore_changes  = [environment["DEGRADED_MODE"]]
  }
}

resource "scalingo_container_type" "jeveuxaider_front__web" {
  app    = scalingo_app.jeveuxaider_front.id
  name   = "web"
  amount = 4
  size   = "L"
}

resource "scalingo_domain" "jeveuxaider_front__covid19_reserve-civique_gouv_fr" {
  app                 = scalingo_app.jeveuxaider_front.id
  common_name         = "covid19.reserve-civique.gouv.fr"
  letsencrypt_enabled = true
}
