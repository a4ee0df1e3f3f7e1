from django.urls import include, path

urlpatterns = [
    path("", include("portal.urls")),
    path("rapidrouter/", include("game.urls")),
]
